import type { RegistrySession, StoredEntry } from '../discovery/driver.ts'
import type { RegistryConnection } from '../discovery/registry-connection.ts'
import { limited } from '../limited.ts'
import { either } from '../signals.ts'

/** Where one service of one server lies in a registry, and what can be done there, each within its time. */
export class EntryRef {
  readonly service: string
  readonly address: string
  readonly uplink: RegistryConnection

  constructor(service: string, address: string, uplink: RegistryConnection) {
    this.service = service
    this.address = address
    this.uplink = uplink
  }

  /** As in events. */
  get subject(): { readonly registry: string; readonly service: string; readonly address: string } {
    return { registry: this.uplink.driver.name, service: this.service, address: this.address }
  }

  /** The session that is open, or one attempt to open one. */
  session(signal: AbortSignal): Promise<RegistrySession> {
    return this.within('session', signal, () => this.uplink.session(), SESSION_MS)
  }

  /** @throws `ERR_RPCX_REGISTRY` when `operation` takes too long; the reason of `signal` */
  within<T>(
    what: string,
    signal: AbortSignal,
    operation: (signal: AbortSignal) => Promise<T>,
    ms: number = OPERATION_MS,
  ): Promise<T> {
    const { registry, service, address } = this.subject
    const name = `${registry}: ${what} ${service} at ${address}`
    return limited(this.uplink.clock, name, ms, signal, operation)
  }

  /** Ends when `ended` aborts, with its reason. */
  async write(
    session: RegistrySession,
    metadata: string,
    over: StoredEntry | undefined,
    audience: 'all' | 'metrics',
    ended: AbortSignal,
  ): Promise<bigint | undefined> {
    const { service, address } = this
    const version = await this.within('write', ended, signal =>
      session.write({ service, address, metadata }, over, audience, signal),
    )
    this.uplink.succeeded(this)
    if (version !== undefined) this.uplink.keeps(session.ttlMs)
    return version
  }

  /**
   * Tries until the session has ended: left alone, the entry would be there for as long as this server lives. Resolves to
   * whether it is gone. Calls `failed` after each attempt in vain.
   */
  async remove(session: RegistrySession, ended: AbortSignal, failed: () => void): Promise<boolean> {
    const { service, address, uplink } = this
    const { signal: over, release } = either(ended, uplink.closing)
    try {
      while (!over.aborted) {
        try {
          await this.within('remove', over, signal => session.remove(service, address, signal))
          uplink.succeeded(this)
          return true
        } catch (error) {
          if (over.aborted) break
          uplink.failed(error as Error, this)
          failed()
          await uplink.backoff.wait(error, over)
        }
      }
      return false
    } finally {
      release()
    }
  }
}

// The uplink gives up sooner, and says why.
const SESSION_MS = 15_000
const OPERATION_MS = 5_000
