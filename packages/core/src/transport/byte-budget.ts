import { RpcxError } from '../errors.ts'

/** What holds bytes of a budget, and is closed when it holds the most of one that is exceeded. */
export interface ByteHolder {
  /** Strangers are closed before others. */
  readonly isTrusted: boolean
  destroy(error: Error): void
}

/**
 * How many bytes all connections together may hold for one purpose. When that is exceeded, the connection that holds the most is closed:
 * it costs the others the most, and with honest peers it is the one that is slowest. Strangers, of whom no call was accepted yet, go first.
 */
export class ByteBudget {
  readonly #what: string
  readonly #option: string
  readonly #maxBytes: number
  readonly #held = new Map<ByteHolder, number>()
  #bytes = 0

  /** @param what the bytes are, for errors: `bytes wait for the peer to read them` */
  constructor(what: string, option: string, maxBytes: number) {
    this.#what = what
    this.#option = option
    this.#maxBytes = maxBytes
  }

  /** How many bytes are held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Notes how many bytes a connection holds now; 0 lets go of it. */
  set(holder: ByteHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0)
    if (bytes === 0) this.#held.delete(holder)
    else this.#held.set(holder, bytes)
    while (this.#bytes > this.#maxBytes) this.#closeLargest()
  }

  #closeLargest(): void {
    let largest: ByteHolder | undefined
    let most = 0
    for (const [holder, bytes] of this.#held) {
      const isFirst = largest === undefined || (largest.isTrusted && !holder.isTrusted)
      const isLarger = bytes > most && holder.isTrusted === largest?.isTrusted
      if (!isFirst && !isLarger) continue
      largest = holder
      most = bytes
    }
    if (largest === undefined) return
    this.#held.delete(largest)
    this.#bytes -= most
    const text = `${most} ${this.#what}, the most of all connections, which together exceed ${this.#option} ${this.#maxBytes}`
    largest.destroy(new RpcxError('ERR_RPCX_UNAVAILABLE', text))
  }
}
