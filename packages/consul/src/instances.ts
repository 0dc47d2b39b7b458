import type { Question } from './agent.ts'
import type { Instance } from './instance.ts'
import { instanceList } from './shapes.ts'

/** Returns a request for the instances of a service. @param reading more options of the library */
export function instances(service: string, reading: object): Question<Instance> {
  return {
    what: `the service ${service}`,
    shape: instanceList,
    get: (consul, how) => consul.health.service({ ...reading, ...how, service }),
  }
}

/** Returns the instances in the order of their last writes. Omits instances whose service name differs in case. */
export function inOrder(service: string, found: readonly Instance[]): readonly Instance[] {
  return found
    .filter(({ Service }) => Service.Service === service)
    .sort((a, b) => a.Service.ModifyIndex - b.Service.ModifyIndex)
}
