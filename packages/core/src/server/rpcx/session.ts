import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import type { IncomingCall } from '../../call/incoming-call.ts'
import type { PushMessage } from '../../call/push-message.ts'
import type { ReverseCallOptions } from '../../call/reverse-call-options.ts'
import type { Metadata } from '../../call-metadata.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { RpcxError } from '../../errors.ts'
import type { Events } from '../../events.ts'
import type { FrameStreamOwner, StreamBudgets } from '../../transport/frame-stream.ts'
import { FrameStream } from '../../transport/frame-stream.ts'
import { acceptedCertificate } from '../../transport/tls.ts'
import { COMPRESS_OVER_BYTES, compress } from '../../wire/compress.ts'
import type { OversizedFrame } from '../../wire/frame-decoder.ts'
import { oversizedError } from '../../wire/frame-decoder.ts'
import { Flag, ReservedKey, TWO_WAY } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import type { Admission } from '../admission.ts'
import { HEALTH_SERVICE } from '../health.ts'
import type { Meters } from '../meters.ts'
import type { ServerEvents } from '../plugin.ts'
import type { Plugins } from '../plugins.ts'
import type { Runner } from '../runner.ts'
import { pushEnvelope, pushPayload } from './push.ts'
import { ReverseCalls } from './reverse-calls.ts'
import type { RpcxSource } from './rpcx-call.ts'
import { RpcxCall } from './rpcx-call.ts'

/** What all sessions of a server share. */
export interface SessionHost {
  readonly runner: Runner
  readonly codecs: Codecs
  readonly admission: Admission
  readonly plugins: Plugins
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  readonly maxFrameBytes: number
  /** Whether callers have to be known before anything is done for them. */
  readonly asksFirst: boolean
  readonly budgets: StreamBudgets
  readonly maxUnreadBytesPerConnection: number
  /** What keeps the server from running calls: it closes, or is not ready yet. */
  whyNot(): 'closing' | 'starting' | undefined
  /** The number of the next push. */
  nextPush(): number
  closed(session: Session): void
}

/** One connection of a server: requests in, replies out, in whatever order the methods settle. */
export class Session implements FrameStreamOwner, RpcxSource {
  readonly remoteAddress: string
  readonly #host: SessionHost
  readonly #socket: Duplex
  readonly #stream: FrameStream
  /** Why nothing is served here: the certificate of the client is not accepted. */
  readonly #refusal: RpcxError | undefined
  #inFlight = 0
  #heldBytes = 0
  /** Calls for which `authenticate` has not settled. */
  #asked = 0
  #gone: Error | undefined
  #lingering: NodeJS.Timeout | undefined
  /** Calls to abort when the connection goes. An idle connection has none of what follows. */
  #watched: Set<IncomingCall> | undefined
  /** The services that were called here, but for the newest. */
  #services: Set<string> | undefined
  #newestService: string | undefined
  /** Once the client has said that it answers calls. */
  #reverse: ReverseCalls | undefined
  /** The frame of which only a part had come when somebody last looked, and since when. */
  #partial = 0
  #partialSince = 0

  constructor(stream: Duplex, remoteAddress: string, host: SessionHost, refusal: RpcxError | undefined) {
    this.remoteAddress = remoteAddress
    this.#host = host
    this.#socket = stream
    this.#refusal = refusal
    const { maxFrameBytes, budgets } = host
    const isTrusted = !host.asksFirst
    this.#stream = new FrameStream(stream, this, { maxFrameBytes, budgets, isTrusted, pausesReads: true })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get codecs(): Codecs {
    return this.#host.codecs
  }

  get maxFrameBytes(): number {
    return this.#host.maxFrameBytes
  }

  get gone(): Error | undefined {
    return this.#gone
  }

  /** When the peer last sent anything, by `performance.now()`. */
  get lastReadAt(): number {
    return this.#stream.lastReadAt
  }

  /** Whether there is room for more replies. */
  get isReading(): boolean {
    return !this.#stream.isBlocked || this.#stream.bufferedBytes <= MAX_UNREAD_BYTES
  }

  get peerCertificate(): PeerCertificate | undefined {
    return acceptedCertificate(this.#socket)
  }

  close(reason?: Error): void {
    this.#stream.destroy(reason)
  }

  end(): void {
    this.#stream.end()
  }

  broken(error: Error): void {
    this.#stream.flush()
    this.#stream.destroy(error)
  }

  push(message: PushMessage): boolean {
    const envelope = pushEnvelope(message, this.#host.nextPush())
    if (this.#gone !== undefined || !this.isReading) return false
    this.#stream.send(envelope, Flag.oneway, pushPayload(message))
    return true
  }

  async call(method: string, args?: unknown, options: ReverseCallOptions = {}): Promise<unknown> {
    if (this.#gone !== undefined || !this.isReading || this.#reverse === undefined) {
      const why = this.#reverse === undefined ? 'offers nothing to call' : 'is gone or does not read'
      throw new RpcxError('ERR_RPCX_UNAVAILABLE', `${method}: the client at ${this.remoteAddress} ${why}`)
    }
    return this.#reverse.call(method, args, options)
  }

  uses(service: string): void {
    if (service === this.#newestService) return
    if (this.#newestService !== undefined) {
      this.#services ??= new Set()
      this.#services.add(this.#newestService)
    }
    this.#newestService = service
  }

  hasUsed(service: string): boolean {
    return service === this.#newestService || this.#services?.has(service) === true
  }

  watch(call: IncomingCall): void {
    this.#watched ??= new Set()
    this.#watched.add(call)
  }

  unwatch(call: IncomingCall): void {
    this.#watched?.delete(call)
  }

  /** Closes once no call runs or waits and nothing came for `lingerMs`, counted from now at the earliest. */
  drain(lingerMs: number): void {
    const since = performance.now()
    const check = (): void => {
      const quietMs = performance.now() - Math.max(since, this.lastReadAt)
      if (this.#owed === 0 && quietMs >= lingerMs) this.#stream.end()
      else this.#lingering = setTimeout(check, Math.max(lingerMs - quietMs, 10))
    }
    check()
  }

  /** Closes if nothing came for too long, or a frame takes too long. To be called now and then; 0 is without end. */
  closeIfOverdue(now: number, idleTimeoutMs: number, frameTimeoutMs: number): void {
    const { partial, isBlocked } = this.#stream
    if (partial !== this.#partial || isBlocked) {
      // While a peer does not read, we do not read either.
      this.#partial = partial
      this.#partialSince = now
    }
    if (partial > 0 && frameTimeoutMs > 0 && now - this.#partialSince >= frameTimeoutMs) {
      this.close(
        new RpcxError('ERR_RPCX_TIMEOUT', `session: a frame did not end within ${frameTimeoutMs} ms`),
      )
    } else if (idleTimeoutMs > 0 && this.#owed === 0 && now - this.lastReadAt >= idleTimeoutMs) {
      this.close(new RpcxError('ERR_RPCX_TIMEOUT', `session: nothing came for ${idleTimeoutMs} ms`))
    }
  }

  received(message: Message): void {
    const { plugins, meters, admission } = this.#host
    if (plugins.calls?.beforeRead(this) === false) {
      this.close()
      return
    }
    if (message.isHeartbeat) {
      this.#heartbeat(message)
      return
    }
    // Go's server takes a response for a request; who never said that it answers calls is treated likewise.
    if (message.isResponse && this.#reverse !== undefined) {
      this.#reverse.answered(message)
      return
    }
    meters.calls.mark()
    const call = new RpcxCall(message, this)
    try {
      if (this.#refusal !== undefined) throw this.#refusal
      const why = this.#host.whyNot()
      if (why !== undefined && message.service !== HEALTH_SERVICE)
        throw new RpcxError('ERR_RPCX_NOT_EXECUTED', `rpcx: the server is ${why}`)
      plugins.calls?.afterRead(call)
      admission.enter(this, call)
    } catch (error) {
      this.refuse(call, error)
      if (error === this.#refusal) this.end()
    }
  }

  admit(call: IncomingCall): void {
    try {
      this.#host.admission.enter(this, call)
    } catch (error) {
      this.refuse(call, error)
    }
  }

  /** Only the call that is too long fails. */
  oversized(frame: OversizedFrame): boolean {
    const { flags, seq } = frame
    if ((flags & Flag.heartbeat) !== 0 || this.#refusal !== undefined) return false
    if ((flags & Flag.response) !== 0) {
      this.#reverse?.oversized(seq, oversizedError('the reply of the client', frame))
      return this.#reverse !== undefined
    }
    const { meters, events } = this.#host
    const error = oversizedError('the call', frame)
    meters.calls.mark()
    meters.failed(error.code)
    if ((flags & Flag.oneway) !== 0) {
      events.emit('onewayFailed', { service: '', method: '', error })
      return true
    }
    this.#stream.refuse(frame, error)
    return true
  }

  run(call: IncomingCall): void {
    this.#host.runner.run(call)
  }

  refuse(call: IncomingCall, error: unknown): void {
    this.#host.runner.refuse(call, error)
  }

  known(call: IncomingCall): void {
    this.#stream.isTrusted = true
    this.#host.admission.known(call)
  }

  asking(bytes: number): void {
    if (this.#asked >= MAX_ASKED)
      throw new RpcxError(
        'ERR_RPCX_NOT_EXECUTED',
        'rpcx: the server is overloaded: too many calls of a caller that is not known yet',
      )
    this.#host.admission.asking(bytes)
    this.#asked++
  }

  asked(bytes: number): void {
    this.#asked--
    this.#host.admission.asked(bytes)
  }

  began(bytes: number): void {
    this.#inFlight++
    this.#heldBytes += bytes
    this.#host.admission.began(bytes)
  }

  ended(bytes: number): void {
    this.#inFlight--
    this.#heldBytes -= bytes
    this.#host.admission.ended(bytes)
  }

  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean {
    // Go compresses a reply when the request announced a compression, however small the request was.
    const zip = payload.length > COMPRESS_OVER_BYTES && (request.flags & Flag.compress) !== 0
    const flags = Flag.response | status | (zip ? Flag.gzip : 0)
    const bytes = zip ? compress(payload) : payload
    // What says that a call failed is short, and always sent.
    if (this.#stream.isBlocked && status === 0 && !this.#mayLeaveUnread(bytes.length)) return false
    this.#stream.reply(request, flags, metadata, bytes)
    return true
  }

  drained(): void {
    this.#host.admission.advance()
  }

  closed(error: Error | undefined): void {
    const { remoteAddress } = this
    const reason = new RpcxError('ERR_RPCX_CLOSED', `session: the connection of ${remoteAddress} is gone`, {
      cause: error,
    })
    this.#gone = reason
    clearTimeout(this.#lingering)
    this.#host.admission.forget(this)
    for (const call of this.#watched ?? []) call.abort(reason)
    this.#reverse?.close(reason)
    this.#host.closed(this)
    // Nobody was told that it was open.
    if (this.#refusal !== undefined) return
    if (error !== undefined) this.#host.meters.failedConnections++
    this.#host.plugins.connectionClosed(this, error)
    this.#host.events.emit('connectionClosed', { remoteAddress, ...(error && { error }) })
  }

  #heartbeat(message: Message): void {
    const { codecs, maxFrameBytes } = this.#host
    // It is sent back as it came: nobody looks into what a stranger compressed.
    if (this.#refusal === undefined && message.metadataValue(ReservedKey.peer) === TWO_WAY)
      this.#reverse ??= new ReverseCalls(this.#stream, codecs, maxFrameBytes)
    this.#stream.echo(message)
  }

  #mayLeaveUnread(bytes: number): boolean {
    return this.#stream.bufferedBytes + bytes <= this.#host.maxUnreadBytesPerConnection
  }

  /** Calls whose reply is still owed. */
  get #owed(): number {
    return this.#inFlight + this.#asked + this.#host.admission.waitingOf(this)
  }
}

// What may lie unread before no more calls are run: a reply that is longer still goes out.
const MAX_UNREAD_BYTES = 1024 * 1024

// Of one connection, before its caller is known.
const MAX_ASKED = 100
