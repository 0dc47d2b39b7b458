import type { Server, TcpProxy } from '@rpcx/servers'
import type { RegistryHarness } from '../harness.ts'

/** What the scenarios need to know about a registry. */
export interface Registry<H extends RegistryHarness> {
  /** Its name in sentences. */
  readonly name: string
  /** The TTL of the entries of a harness, in milliseconds. */
  readonly lifeMs: number
  start(): Promise<Server>
  /** @param through the addresses at which servers and clients reach it, if not directly */
  harness(server: Server, through?: string): Promise<H>
  /** Returns the option that makes a server or a client use this address. */
  at(address: string): object
  /** Returns the option for another TTL. */
  living(ms: number): object
  /** Writes an entry, as others do. */
  put(harness: H, service: string, address: string, metadata: string): Promise<void>
  /** Resolves to everything that the registry stores about an entry, so that any later write shows; undefined without an entry. */
  stored(harness: H, service: string, address: string): Promise<Stored | undefined>
  /** Whether an entry belongs to a session that has not ended. */
  isHeld(harness: H, service: string, address: string): Promise<boolean>
  /** Resolves to the number of leases or sessions. */
  lives(harness: H): Promise<number>
}

/** The address of an entry without a server. */
export const SOMEONE = 'tcp@10.0.0.1:1'

export interface Stored {
  readonly metadata: string
}

/** The faults between a registry and its clients. */
export type Fault = 'cut' | 'refuse' | 'stall'

export async function inflict(proxy: TcpProxy, fault: Fault): Promise<void> {
  if (fault === 'stall') proxy.stall()
  else await proxy.cut({ refuse: fault === 'refuse' })
}
