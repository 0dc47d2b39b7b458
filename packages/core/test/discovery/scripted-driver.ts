import type { Driver, DriverTraits, RegistrySession, Replica } from '@rpcx/core'

/** A watch of a service, in which the test plays the registry. */
export interface ServiceWatch {
  readonly service: string
  readonly into: Replica
  readonly signal: AbortSignal
  fail(error: Error): void
}

/** A driver that does nothing by itself. The test decides what happens. */
export class ScriptedDriver implements Driver {
  readonly name = 'scripted'
  readonly traits: DriverTraits = {
    crash: 'ttl',
    edits: true,
    publishes: 'listening',
    // Short addresses for the tests: `a@1`.
    networks: ['tcp', 'late', ...'abcdefghijklmnopqrstuvwxyz'],
  }
  readonly watches: ServiceWatch[] = []
  readonly #waiting: (() => void)[] = []
  opened = 0
  closed = 0
  /** Runs before `open` succeeds. */
  opening: () => Promise<void> = async () => {}
  end: (reason: Error) => void = () => {}

  check(): void {}

  async open(): Promise<RegistrySession> {
    this.opened++
    await this.opening()
    return {
      ttlMs: 1_000,
      ended: new Promise(resolve => (this.end = resolve)),
      watchService: (service, into, signal) =>
        new Promise((_resolve, reject) => {
          this.watches.push({ service, into, signal, fail: reject })
          for (const wake of this.#waiting.splice(0)) wake()
        }),
      watchEntry: () => new Promise(() => {}),
      write: () => Promise.reject(new Error('nothing is announced here')),
      remove: async () => {},
      close: async () => void this.closed++,
    }
  }

  /** Resolves to watch number `n`, counted from 0. */
  async watch(n: number): Promise<ServiceWatch> {
    for (;;) {
      const watch = this.watches[n]
      if (watch !== undefined) return watch
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }
}
