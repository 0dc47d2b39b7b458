import type { Kind } from './kind.ts'
import type { Server } from './server.ts'

/** A server that others run, named by an environment variable. Tests can use it, but not control it. */
export class ExternalServer implements Server {
  readonly kind: Kind
  readonly address: string
  readonly extraAddresses: Readonly<Record<string, string>> = {}
  readonly controllable = false
  readonly pid: undefined

  constructor(kind: Kind, address: string) {
    this.kind = kind
    this.address = address
  }

  kill(): Promise<void> {
    return this.#refuse()
  }

  pause(): Promise<void> {
    return this.#refuse()
  }

  resume(): Promise<void> {
    return this.#refuse()
  }

  restart(): Promise<void> {
    return this.#refuse()
  }

  wipe(): Promise<void> {
    return this.#refuse()
  }

  log(): Promise<string> {
    return this.#refuse()
  }

  async stop(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #refuse(): Promise<never> {
    return Promise.reject(
      new Error(`${this.kind} at ${this.address} is not ours to control (controllable: false)`),
    )
  }
}
