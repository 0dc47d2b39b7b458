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

/** Options that all connections of a client share. */
export interface ConnectionOptions {
  readonly peer: PeerOptions
  /** The functions that servers may call over the connection. */
  readonly offered: ClientMethodTable | undefined
  /** Called when a server pushed a message. */
  pushed(message: PushedMessage): void
  /** Called when a server pushed a message that cannot be read. The message is skipped. */
  pushFailed(endpoint: string, error: RpcxError): void
}

/** Handles the failed calls and the state changes of a connection. */
export interface ConnectionOwner {
  /** Called when a call failed. @param mayHaveRun whether the server may have received the call */
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** Called when the server has read what it had left unread. */
  drained(): void
  /** Called when the server replied with an error that is neither the caller's mistake nor a refusal to run the call. */
  erred(error: RpcxError): void
  /** Called once when the connection is closed, before the pending calls fail. */
  closed(error: Error | undefined): void
}

/** One connection to a server. It carries many calls at once, and the calls and messages that the server sends. */
export class Connection implements PeerOwner<Call> {
  readonly remoteAddress: string
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #socket: Duplex
  readonly #peer: Peer<Call>
  readonly #requester: Requester<Call>
  #closeTimer: Timer | undefined
  /** Runs the calls of the server; made at the first one. */
  #offers: ClientMethodRunner | undefined

  constructor(stream: Duplex, address: string, options: ConnectionOptions, owner: ConnectionOwner) {
    this.remoteAddress = address
    this.#options = options
    this.#owner = owner
    this.#socket = stream
    this.#peer = new Peer<Call>(stream, options.peer, this)
    // A client's peer has a requester from the start.
    this.#requester = this.#peer.requester as Requester<Call>
  }

  get inFlight(): number {
    return this.#requester.inFlight
  }

  /** The time when the last bytes arrived, by the clock. */
  get heardAt(): number {
    return this.#requester.heardAt
  }

  /** The moving average of the duration of recent calls, in milliseconds; `undefined` until it is known. */
  get latencyMs(): number | undefined {
    return this.#requester.latencyMs
  }

  /** The number of replies, including those of failed calls. */
  get replies(): number {
    return this.#requester.replies
  }
  /** The number of replies that arrived after their call had ended. */
  get lateReplies(): number {
    return this.#requester.lateReplies
  }

  /** Whether the server leaves so much unread that the client must not send more until `drained`. */
  get isFull(): boolean {
    return this.#peer.isFull(0)
  }

  /** The calls that wait for a reply. */
  get calls(): Iterable<Call> {
    return this.#requester.calls
  }

  /** Returns whether a call waits for its reply on this connection. */
  holds(call: Call): boolean {
    return call.holder === this.#requester
  }

  send(call: Call): void {
    this.#requester.send(call)
  }

  /** Sends a heartbeat and calls `onAlive` when the answer arrives. */
  ask(onAlive: () => void): void {
    this.#peer.ask(onAlive)
  }

  /** Accepts no more calls and closes when the last one has its reply. */
  retire(): void {
    this.#requester.retire()
  }

  idle(): void {
    this.end()
  }

  /** Destroys the connection at once. */
  destroy(error: Error): void {
    this.#peer.stream.destroy(error)
  }

  /** Sends the queued bytes and closes. Destroys the connection if the server does not close its side within `CLOSE_MS`. */
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
    // Without `offers`, the peer hands on no calls, so `offered` is defined here.
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

  /** Ignores mistakes of the caller, which say nothing about the server, and errors that the service declares, which show that it works. */
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

  /** Returns why the server closed the connection. A TLS server may close without a message after plain text; so may a non-rpcx server. */
  #whyClosed(): string {
    if (this.#peer.stream.hasRead) return 'it closed it'
    const isPlain = !(this.#socket as TLSSocket).encrypted
    return `it closed it before it answered anything; is it the port of an rpcx server${isPlain ? ', and does it expect TLS?' : '?'}`
  }

  /** Returns the error that proves that the server ran no call of this connection; `undefined` without such proof. */
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
