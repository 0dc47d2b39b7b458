import type { Instance } from '../src/instance.ts'
import { idOf, ownerOf } from '../src/instance.ts'
import type { RawClient } from './raw-client.ts'

/** A service in the format of the agent's API. */
export interface Registered {
  readonly ID: string
  readonly Name: string
  readonly Address?: string
  readonly Port?: number
  readonly Tags?: readonly string[]
  readonly Meta?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** A service in the catalog, with its checks. */
export interface Seen extends Instance {
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Type: string }[]
}

/** Reads and changes Consul's catalog over HTTP, without our package. */
export class CatalogClient {
  readonly raw: RawClient

  constructor(raw: RawClient) {
    this.raw = raw
  }

  async register(service: Registered): Promise<void> {
    await this.raw.ask('PUT', 'agent/service/register', JSON.stringify(service))
  }

  async deregister(id: string): Promise<void> {
    await this.raw.ask('PUT', `agent/service/deregister/${encodeURIComponent(id)}`)
  }

  async seen(service: string, passing = false): Promise<readonly Seen[]> {
    const path = `health/service/${encodeURIComponent(service)}${passing ? '?passing=1' : ''}`
    return JSON.parse(await this.raw.ask('GET', path)) as Seen[]
  }

  /** Resolves to the services of the agent itself. */
  async kept(): Promise<readonly Instance['Service'][]> {
    return Object.values(JSON.parse(await this.raw.ask('GET', 'agent/services')) as object)
  }

  /** Resolves when this many services pass their checks. Uses a blocking query. */
  async passing(service: string, count: number): Promise<void> {
    for (let index = '0'; ; ) {
      const path = `health/service/${service}?passing=1&index=${index}&wait=30s`
      const response = await this.raw.fetch('GET', path)
      index = response.headers.get('x-consul-index') ?? '0'
      if (((await response.json()) as Seen[]).length === count) return
    }
  }

  async setCheck(id: string, status: 'pass' | 'warn' | 'fail'): Promise<void> {
    await this.raw.ask('PUT', `agent/check/${status}/service:${id}`)
  }

  /** Registers a service as rpcx does, but without a server. */
  async put(service: string, address: string, metadata: string): Promise<void> {
    const meta = { 'rpcx-address': address, 'rpcx-metadata': metadata }
    const at = { Name: service, Address: '10.9.8.7', Port: 1, Meta: meta }
    await this.#changed(service, async () => this.register({ ID: this.id(service, address), ...at }))
  }

  /** Changes the metadata of a registered service. */
  async edit(service: string, address: string, metadata: string): Promise<void> {
    const id = this.id(service, address)
    const Service = (await this.kept()).find(({ ID }) => ID === id)
    if (Service === undefined) throw new Error(`${id} is not there`)
    const Meta = { ...Service.Meta, 'rpcx-metadata': metadata }
    const { ID, Address, Port = 0, Tags } = Service
    await this.#changed(service, () =>
      this.register({ ID, Name: service, Address, Port, Tags: Tags ?? [], Meta }),
    )
  }

  async remove(service: string, address: string): Promise<void> {
    const id = this.id(service, address)
    if ((await this.kept()).some(({ ID }) => ID === id)) await this.deregister(id)
  }

  /** Resolves to a service that our package registered. */
  async ours(): Promise<readonly Instance['Service'][]> {
    return (await this.kept()).filter(Service => ownerOf({ Service }) !== undefined)
  }

  id(service: string, address: string): string {
    return /.@./.test(address) ? idOf(service, address) : `${service}-${encodeURIComponent(address)}`
  }

  /** Agents update the catalog a little later. */
  async #changed(service: string, change: () => Promise<void>): Promise<void> {
    const path = `health/service/${encodeURIComponent(service)}`
    const before = await this.raw.fetch('GET', path)
    await before.text()
    await change()
    const index = before.headers.get('x-consul-index')
    await this.raw.ask('GET', `${path}?index=${index}&wait=5s`)
  }
}
