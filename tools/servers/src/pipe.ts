import type { Socket } from 'node:net'

interface Parcel {
  readonly dueAt: number
  /** Undefined is the sender's end of stream. */
  readonly chunk: Buffer | undefined
}

/** One direction of a proxied connection: what `from` sends reaches `to` in order, later, or for now not at all. */
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

  /** What arrives from now on leaves `ms` later, never before what arrived earlier. */
  set delayMs(ms: number) {
    this.#delayMs = ms
  }

  /** While true nothing is read or written, so that senders see full buffers, as on a network that lost its way. */
  set stalled(stalled: boolean) {
    this.#stalled = stalled
    this.#move()
  }

  get stalled(): boolean {
    return this.#stalled
  }

  /** Drops what was not forwarded yet. */
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
    // Held-back parcels are bounded by time when delayed and by the socket's own buffers otherwise.
    if (this.#stalled || this.#to.writableNeedDrain) this.#from.pause()
    else this.#from.resume()
  }
}
