import type { Clock } from '@rpcx/core'
import type { Access } from './access.ts'
import { EtcdClient } from './client.ts'
import { explain, isAnswer } from './failure.ts'
import { isOtherWay, probe } from './probe.ts'

/**
 * The connection of one session to etcd. It closes at the first failure, and the next operation connects to the next host. The retries of
 * gRPC and of the library are therefore not used: core could not observe them.
 */
export class EtcdConnection {
  readonly #access: Access
  readonly #onBack: () => void
  #next: number
  #client: Promise<EtcdClient> | undefined
  #isUp = false
  #wasUp = false

  /** @param onBack called when etcd answers for the first time after a failure */
  constructor(clock: Clock, access: Access, onBack: () => void) {
    this.#access = access
    this.#onBack = onBack
    this.#next = Math.floor(clock.random() * access.hosts.length)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Runs one operation. @throws `ERR_RPCX_REGISTRY`, or `ERR_RPCX_AUTH` when etcd denies access */
  async run<T>(what: string, operation: (client: EtcdClient) => Promise<T>): Promise<T> {
    const { hosts, auth } = this.#access
    const host = hosts[this.#next] as string
    this.#client ??= this.#open(host)
    const opened = this.#client
    try {
      const client = await opened
      const result = await client.run(operation)
      this.#answered(opened)
      return result
    } catch (cause) {
      // A member that returns an error is up, so the connection stays open.
      if (isAnswer(cause)) this.#answered(opened)
      else this.#drop(opened, cause)
      throw explain(cause as Error, `etcd ${host}${auth ? ` as ${auth.username}` : ''}: ${what}`)
    }
  }

  close(): void {
    if (this.#client !== undefined) this.#drop(this.#client)
  }

  async #open(host: string): Promise<EtcdClient> {
    const { tls } = this.#access
    try {
      await probe(host, tls)
    } catch (cause) {
      // If etcd has answered before, the TLS setting is right, and the extra connection is unnecessary.
      const isClosed = (cause as NodeJS.ErrnoException).code === 'ECONNRESET' && !this.#wasUp
      if (!isClosed || !(await isOtherWay(host, tls))) throw cause
      throw new Error(tls ? 'it speaks plain text' : 'it speaks TLS', { cause })
    }
    return new EtcdClient(host, this.#access)
  }

  #answered(opened: Promise<EtcdClient>): void {
    if (this.#isUp || this.#client !== opened) return
    this.#isUp = this.#wasUp = true
    this.#onBack()
  }

  #drop(opened: Promise<EtcdClient>, why?: unknown): void {
    if (this.#client !== opened) return
    this.#client = undefined
    this.#isUp = false
    this.#next = (this.#next + 1) % this.#access.hosts.length
    opened.then(client => client.close(why)).catch(() => {})
  }
}

interface EndableStream {
  on(event: 'error', listener: () => void): unknown
  end(): void
  cancel(): void
}

/**
 * Ends a stream that is no longer needed. When a writable stream is cancelled, the library takes its host for failed and closes the
 * connection that all other streams share.
 */
export function hangUp(stream: EndableStream): void {
  stream.on('error', () => {})
  stream.end()
  stream.cancel()
}
