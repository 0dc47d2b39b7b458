import type { Server, TcpProxy } from '@rpcx/servers'
import type { RegistryHarness } from '../harness.ts'

/** What scenarios have to know of a registry. */
export interface Registry<S extends RegistryHarness> {
  /** As sentences name it. */
  readonly name: string
  /** How long an entry of a harness lives after the last sign of life of its server. */
  readonly lifeMs: number
  start(): Promise<Server>
  /** @param through where servers and clients reach it, when not directly */
  harness(server: Server, through?: string): Promise<S>
  /** The option that has a server or a client reach it there. */
  at(address: string): object
  /** The option that gives an entry another life. */
  living(ms: number): object
  /** As others write it. */
  put(harness: S, service: string, address: string, metadata: string): Promise<void>
  /** All that it tells of an entry, so that any write since shows; undefined when there is none. */
  stored(harness: S, service: string, address: string): Promise<Stored | undefined>
  /** Whether an entry goes with its server, by a life that is not over. */
  isHeld(harness: S, service: string, address: string): Promise<boolean>
  /** How many leases or sessions there are. */
  lives(harness: S): Promise<number>
}

/** A server that there is nothing of but its entry. */
export const SOMEONE = 'tcp@10.0.0.1:1'

export interface Stored {
  readonly metadata: string
}

/** What a network does to those who want to reach a registry. */
export type Fault = 'cut' | 'refuse' | 'stall'

export async function inflict(proxy: TcpProxy, fault: Fault): Promise<void> {
  if (fault === 'stall') proxy.stall()
  else await proxy.cut({ refuse: fault === 'refuse' })
}
