import type { Question } from './agent.ts'
import type { Instance } from './instance.ts'
import { instanceList } from './shapes.ts'

/** Asks for the instances of a service. @param reading how, in the library's words */
export function instances(service: string, reading: object): Question<Instance> {
  return {
    what: `the service ${service}`,
    shape: instanceList,
    get: (consul, how) => consul.health.service({ ...reading, ...how, service }),
  }
}

/** The instances, those that were written last coming last, without those whose name differs by case. */
export function inOrder(service: string, found: readonly Instance[]): readonly Instance[] {
  return found
    .filter(({ Service }) => Service.Service === service)
    .sort((a, b) => a.Service.ModifyIndex - b.Service.ModifyIndex)
}
