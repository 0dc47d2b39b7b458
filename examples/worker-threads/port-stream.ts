import { Duplex } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'

/** Bytes over a message port. The next chunk is sent when the reader has taken the last one, so that a slow reader slows the writer down. */
export class PortStream extends Duplex {
  readonly #port: MessagePort
  #written: (() => void) | undefined
  #isRead = true

  constructor(port: MessagePort) {
    super()
    this.#port = port
    port.on('message', (message: Uint8Array | typeof TAKEN | typeof END) => this.#hear(message))
    port.on('close', () => this.destroy())
  }

  #hear(message: Uint8Array | typeof TAKEN | typeof END): void {
    if (message === TAKEN) {
      const done = this.#written
      this.#written = undefined
      done?.()
    } else if (message === END) {
      this.push(null)
    } else if (this.push(message)) {
      this.#port.postMessage(TAKEN)
    } else {
      this.#isRead = false
    }
  }

  override _read(): void {
    if (this.#isRead) return
    this.#isRead = true
    this.#port.postMessage(TAKEN)
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#written = done
    // A copy: whoever wrote it may use its memory again, and the other thread takes these bytes over as they are.
    const bytes = new Uint8Array(chunk)
    this.#port.postMessage(bytes, [bytes.buffer])
  }

  override _final(done: () => void): void {
    this.#port.postMessage(END)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close()
    done(error)
  }
}

const TAKEN = 'taken'
const END = 'end'
