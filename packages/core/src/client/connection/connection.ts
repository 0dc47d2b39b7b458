import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Timer } from '../../clock.ts'
import type { RpcxErrorCode } from '../../errors.ts'
import { RpcxError } from '../../errors.ts'
import type { PeerOptions, PeerOwner } from '../../peer/peer.ts'
import { Peer } from '../../peer/peer.ts'
import type { Requester } from '../../peer/requester.ts'
import { reasonOf } from '../../reason.ts'
import { isCertificateRefusal, tlsError } from '../../transport/tls.ts'
import { decompress } from '../../wire/compress.ts'
import { isForeign, isForeignTls } from '../../wire/foreign.ts'
import type { OversizedFrame } from '../../wire/frame-decoder.ts'
import { oversizedError } from '../../wire/frame-decoder.ts'
import { Flag } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import type { Call } from '../call/call.ts'
import { ClientMethodRunner } from './client-method-runner.ts'
import type { ClientMethodTable } from './client-methods.ts'
import type { PushedMessage } from './pushed.ts'
import { pushedMessage } from './pushed.ts'

/** What the connections of a client have in common. */
export interface ConnectionOptions {
  readonly peer: PeerOptions
  /** What servers may call over the connection. */
  readonly offered: ClientMethodTable | undefined
  /** A server sent a message without being asked. */
  pushed(message: PushedMessage): void
  /** A server sent one that cannot be read, which is left out. */
  pushFailed(endpoint: string, error: RpcxError): void
}

/** Who decides what becomes of a call and of its server. */
export interface ConnectionOwner {
  /** `mayHaveRun`: the server may have got it. */
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** The server has read what it had left unread for a while. */
  drained(): void
  /** The server answered, but with an error that is neither the call's nor a refusal to run it. */
  erred(error: RpcxError): void
  /** Once, before the pending calls fail. */
  closed(error: Error | undefined): void
}

/** One connection to a server: many calls at once, and what the server sends of its own accord. */
export class Connection implements PeerOwner<Call> {
  readonly remoteAddress: string
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #socket: Duplex
  readonly #peer: Peer<Call>
  readonly #requester: Requester<Call>
  #closeTimer: Timer | undefined
  /** What the server calls here, once it does. */
  #offers: ClientMethodRunner | undefined

  constructor(stream: Duplex, address: string, options: ConnectionOptions, owner: ConnectionOwner) {
    this.remoteAddress = address
    this.#options = options
    this.#owner = owner
    this.#socket = stream
    this.#peer = new Peer<Call>(stream, options.peer, this)
    // A client has one from the beginning.
    this.#requester = this.#peer.requester as Requester<Call>
  }

  get inFlight(): number {
    return this.#requester.inFlight
  }

  /** When the last bytes came, by the clock. */
  get heardAt(): number {
    return this.#requester.heardAt
  }

  /** How long calls take of late, in milliseconds; `undefined` when that is not known. */
  get latencyMs(): number | undefined {
    return this.#requester.latencyMs
  }

  /** How many replies came, those of failed calls included, and how many of them for calls that had ended. */
  get replies(): number {
    return this.#requester.replies
  }
  get lateReplies(): number {
    return this.#requester.lateReplies
  }

  /** Whether the server leaves unread so much that no more is to be sent until `drained`. */
  get isFull(): boolean {
    return this.#peer.isFull(0)
  }

  /** The calls that wait for their reply. */
  get calls(): Iterable<Call> {
    return this.#requester.calls
  }

  /** Whether a call waits here for its reply. */
  holds(call: Call): boolean {
    return call.holder === this.#requester
  }

  send(call: Call): void {
    this.#requester.send(call)
  }

  /** Asks for a sign of life, and tells when it comes. */
  ask(onAlive: () => void): void {
    this.#peer.ask(onAlive)
  }

  /** Takes no more calls and closes when the last one has its reply. */
  retire(): void {
    this.#requester.retire()
  }

  idle(): void {
    this.end()
  }

  /** Cuts the server off now. */
  destroy(error: Error): void {
    this.#peer.stream.destroy(error)
  }

  /** Sends what is queued and closes; cuts a server off that does not follow within `CLOSE_MS`. */
  end(): void {
    const { stream } = this.#peer
    stream.end()
    this.#closeTimer ??= stream.clock.setTimeout(() => stream.destroy(), CLOSE_MS)
  }

  mayRead(): boolean {
    return true
  }

  called(message: Message): void {
    if (message.isOneway) {
      this.#push(message)
      return
    }
    // A peer that says that it offers nothing hands on no calls.
    this.#offers ??= new ClientMethodRunner(
      this.#options.offered as ClientMethodTable,
      this.#peer,
      this.remoteAddress,
    )
    this.#offers.take(message.kept())
  }

  calledTooLong(frame: OversizedFrame): boolean {
    const isPush = (frame.flags & Flag.oneway) !== 0
    if (isPush) this.#options.pushFailed(this.remoteAddress, oversizedError('the message', frame))
    else this.#peer.stream.refuse(frame, oversizedError('the call', frame))
    return true
  }

  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void {
    this.#owner.failed(call, error, mayHaveRun)
  }

  /** A caller's mistake says nothing about the server, and what its service declares says that it works. */
  erred(error: RpcxError): void {
    if (!CALLERS_FAULTS.has(error.code) && error.serviceCode === undefined) this.#owner.erred(error)
  }

  drained(): void {
    this.#owner.drained()
  }

  closed(error: Error | undefined): void {
    this.#peer.stream.clock.clear(this.#closeTimer)
    this.#offers?.closed(error)
    this.#owner.closed(error)
    const proof = this.#nothingRan(error)
    const lost = ({ name }: Call): RpcxError => {
      const why = error === undefined ? this.#whyClosed() : reasonOf(error)
      const text = `${name}: lost the connection to ${this.remoteAddress}: ${why}`
      return new RpcxError('ERR_RPCX_UNAVAILABLE', text, { cause: error })
    }
    this.#requester.abandon(call => proof ?? lost(call), proof !== undefined)
  }

  /** A TLS server of others closes without a word when it is asked in plain text, as anything may that is no server of rpcx. */
  #whyClosed(): string {
    if (this.#peer.stream.hasRead) return 'it closed it'
    const isPlain = !(this.#socket as TLSSocket).encrypted
    return `it closed it before it answered anything; is it the port of an rpcx server${isPlain ? ', and does it expect TLS?' : '?'}`
  }

  /** What proves that the server has run nothing of what we sent. */
  #nothingRan(error: Error | undefined): RpcxError | undefined {
    if (!this.#peer.stream.hasRead && isCertificateRefusal(this.#socket, error)) return tlsError(error)
    if (!isForeign(error)) return undefined
    const code = isForeignTls(error) ? 'ERR_RPCX_TLS' : error.code
    return new RpcxError(code, `${this.remoteAddress}: ${reasonOf(error)}`, { cause: error, fatal: true })
  }

  #push(message: Message): void {
    try {
      const payload = decompress(message.payload, message.flags, this.#options.peer.maxFrameBytes)
      this.#options.pushed(pushedMessage(message, payload, this.remoteAddress))
    } catch (error) {
      this.#options.pushFailed(this.remoteAddress, error as RpcxError)
    }
  }
}

const CLOSE_MS = 1_000

const CALLERS_FAULTS: ReadonlySet<RpcxErrorCode> = new Set(['ERR_RPCX_ARGUMENT', 'ERR_RPCX_FRAME'])
