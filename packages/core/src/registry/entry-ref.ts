import type { RegistrySession, StoredEntry } from '../discovery/driver.ts'
import type { RegistryConnection } from '../discovery/registry-connection.ts'
import { limited } from '../limited.ts'
import { either } from '../signals.ts'

/** The entry of one service of one server in a registry, with its operations. Each operation has a time limit. */
export class EntryRef {
  readonly service: string
  readonly address: string
  readonly connection: RegistryConnection

  constructor(service: string, address: string, connection: RegistryConnection) {
    this.service = service
    this.address = address
    this.connection = connection
  }

  /** The fields that identify the entry in events. */
  get subject(): { readonly registry: string; readonly service: string; readonly address: string } {
    return { registry: this.connection.driver.name, service: this.service, address: this.address }
  }

  /** Returns the open session, or makes one attempt to open one. */
  session(signal: AbortSignal): Promise<RegistrySession> {
    return this.within('session', signal, () => this.connection.session(), SESSION_MS)
  }

  /** Runs `operation` for at most `ms`. @throws `ERR_RPCX_REGISTRY` when it takes longer; the reason of `signal` when that aborts */
  within<T>(
    what: string,
    signal: AbortSignal,
    operation: (signal: AbortSignal) => Promise<T>,
    ms: number = OPERATION_MS,
  ): Promise<T> {
    const { registry, service, address } = this.subject
    const name = `${registry}: ${what} ${service} at ${address}`
    return limited(this.connection.clock, name, ms, signal, operation)
  }

  /** Writes the entry. Rejects with the reason of `ended` when that aborts. */
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
    this.connection.succeeded(this)
    if (version !== undefined) this.connection.keeps(session.ttlMs)
    return version
  }

  /**
   * Removes the entry. Retries until the session has ended, because the session would keep the entry as long as this server lives. Resolves
   * to whether the entry is gone. Calls `failed` after each failed attempt.
   */
  async remove(session: RegistrySession, ended: AbortSignal, failed: () => void): Promise<boolean> {
    const { service, address, connection } = this
    const { signal: over, release } = either(ended, connection.closing)
    try {
      while (!over.aborted) {
        try {
          await this.within('remove', over, signal => session.remove(service, address, signal))
          connection.succeeded(this)
          return true
        } catch (error) {
          if (over.aborted) break
          connection.failed(error as Error, this)
          failed()
          await connection.backoff.wait(error, over)
        }
      }
      return false
    } finally {
      release()
    }
  }
}

// Longer than the limit of the registry connection, whose error says why.
const SESSION_MS = 15_000
const OPERATION_MS = 5_000
