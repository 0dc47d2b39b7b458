import type { XClient } from '@rpcx/core'
import type { EchoService } from '@rpcx/testing'

/** Makes calls at an even rate, until `end()`. */
export class Load {
  readonly #client: XClient<EchoService>
  readonly #callsPerSecond: number
  readonly #since: number = performance.now()
  readonly #pending = new Set<Promise<unknown>>()
  readonly #failures: Error[] = []
  readonly #timer: NodeJS.Timeout
  #calls = 0

  constructor(client: XClient<EchoService>, callsPerSecond: number) {
    this.#client = client
    this.#callsPerSecond = callsPerSecond
    this.#timer = setInterval(() => this.#catchUp(), 5)
  }

  async end(): Promise<{ calls: number; perSecond: number; failures: readonly Error[] }> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
    const perSecond = (1_000 * this.#calls) / (performance.now() - this.#since)
    return { calls: this.#calls, perSecond, failures: this.#failures }
  }

  #catchUp(): void {
    const due = (this.#callsPerSecond * (performance.now() - this.#since)) / 1_000
    // A process that was busy does not make all missed calls at once.
    for (let n = 0; n < 100 && this.#calls < due; n++) {
      const value = this.#calls++
      const call = this.#client.call('Echo', value).then(
        reply => void (reply === value || this.#failures.push(new Error(`${reply} instead of ${value}`))),
        (error: Error) => void this.#failures.push(error),
      )
      this.#pending.add(call)
      void call.then(() => this.#pending.delete(call))
    }
  }
}
