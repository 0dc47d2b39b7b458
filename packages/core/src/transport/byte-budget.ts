import { RpcxError } from '../errors.ts'

/** A connection that holds bytes of a budget. The budget closes it if it holds the most when the budget is exceeded. */
export interface ByteHolder {
  /** Whether the peer is trusted. Connections that are not trusted are closed before others. */
  readonly isTrusted: boolean
  destroy(error: Error): void
}

/**
 * A limit on the bytes that all connections together hold for one purpose. When it is exceeded, the connection with the most bytes is
 * closed. If all peers are honest, that is the slowest one. Connections without an accepted call are closed before all others.
 */
export class ByteBudget {
  readonly #what: string
  readonly #option: string
  readonly #maxBytes: number
  readonly #held = new Map<ByteHolder, number>()
  #bytes = 0

  /** @param what describes the bytes in error messages: `bytes that the client has not read` */
  constructor(what: string, option: string, maxBytes: number) {
    this.#what = what
    this.#option = option
    this.#maxBytes = maxBytes
  }

  /** The number of bytes that are held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Sets the number of bytes that a connection holds; 0 removes it. */
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
