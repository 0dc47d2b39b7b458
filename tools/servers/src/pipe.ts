import type { Socket } from 'node:net'

interface Parcel {
  readonly dueAt: number
  /** Undefined at the end of the stream. */
  readonly chunk: Buffer | undefined
}

/** One direction of a proxied connection. Forwards bytes from `from` to `to` in order, possibly delayed or stalled. */
export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #parcels: Parcel[] = []
  #delayMs = 0
  #stalled = false
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket) {
    this.#from = from
    this.#to = to
    from.on('data', chunk => this.#take(chunk))
    from.on('end', () => this.#take(undefined))
    to.on('drain', () => this.#move())
  }

  /** Delays bytes that arrive from now on by this time, and keeps them in order. */
  set delayMs(ms: number) {
    this.#delayMs = ms
  }

  /** While true, nothing is read or written, so the buffers of the sender fill up, as when a network loses all packets. */
  set stalled(stalled: boolean) {
    this.#stalled = stalled
    this.#move()
  }

  get stalled(): boolean {
    return this.#stalled
  }

  /** Drops the bytes that were not forwarded yet. */
  close(): void {
    clearTimeout(this.#timer)
    this.#parcels.length = 0
  }

  #take(chunk: Buffer | undefined): void {
    this.#parcels.push({ dueAt: performance.now() + this.#delayMs, chunk })
    this.#move()
  }

  #move(): void {
    clearTimeout(this.#timer)
    while (!this.#stalled && !this.#to.writableNeedDrain) {
      const parcel = this.#parcels[0]
      if (!parcel) break
      const waitMs = parcel.dueAt - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#move(), Math.ceil(waitMs))
        break
      }
      this.#parcels.shift()
      if (parcel.chunk) this.#to.write(parcel.chunk)
      else this.#to.end()
    }
    // The time bounds delayed chunks, and the buffers of the socket bound stalled ones.
    if (this.#stalled || this.#to.writableNeedDrain) this.#from.pause()
    else this.#from.resume()
  }
}
