import type { Timer } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import type { FrameStream } from '../transport/frame-stream.ts'

/** Sends heartbeats to a server that sends nothing, and closes the connection when none is answered. */
export class Heartbeat {
  readonly #stream: FrameStream
  readonly #address: string
  readonly #everyMs: number
  readonly #patienceMs: number
  readonly #send: () => void
  readonly #timer: Timer | undefined
  #sentAt = Number.POSITIVE_INFINITY
  #onAlive: (() => void)[] = []

  /**
   * @param everyMs the idle time before a heartbeat; 0: only when `ask` is called
   * @param patienceMs how long to wait for an answer
   * @param send sends a heartbeat
   */
  constructor(stream: FrameStream, address: string, everyMs: number, patienceMs: number, send: () => void) {
    this.#stream = stream
    this.#address = address
    this.#everyMs = everyMs
    this.#patienceMs = patienceMs
    this.#send = send
    if (everyMs === 0) return
    this.#timer = stream.clock.setInterval(() => this.#beat(), Math.min(everyMs, patienceMs)).unref()
  }

  /** Sends a heartbeat now. Calls `onAlive` when the answer arrives. */
  ask(onAlive: () => void): void {
    this.#onAlive.push(onAlive)
    this.#send()
  }

  answered(): void {
    if (this.#onAlive.length === 0) return
    const all = this.#onAlive
    this.#onAlive = []
    for (const onAlive of all) onAlive()
  }

  stop(): void {
    this.#stream.clock.clear(this.#timer)
  }

  #beat(): void {
    const now = this.#stream.clock.now()
    const { lastReadAt } = this.#stream
    if (lastReadAt >= this.#sentAt) this.#sentAt = Number.POSITIVE_INFINITY
    if (this.#sentAt <= now - this.#patienceMs) {
      // Reads pending data first: the answer may have arrived while this process was busy.
      setImmediate(() => this.#miss())
    } else if (this.#sentAt > now && lastReadAt <= now - this.#everyMs) {
      this.#sentAt = now
      this.#send()
    }
  }

  #miss(): void {
    if (this.#stream.lastReadAt >= this.#sentAt) return
    const text = `${this.#address}: no answer to a heartbeat within ${this.#patienceMs} ms`
    this.#stream.destroy(new RpcxError('ERR_RPCX_UNAVAILABLE', text))
  }
}
