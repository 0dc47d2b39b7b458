import { reasonOf } from '@rpcx/core'

/** ZooKeeper closed the connection, and says why in its own log only. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
}

/** Says what it most likely means that a server closed the connection before its greeting. Returns other causes as they are. */
export function notGreeted(cause: Error | undefined): Error | undefined {
  if (isPlainAnswer(cause)) return new HungUp(IS_PLAIN, { cause })
  // A reset may be seen before the connection itself is.
  return isHangUp(cause) ? new HungUp(NO_GREETING, { cause }) : cause
}

/** The same for one that is open. @param bytes of data in the largest request that was not answered */
export function hungUpOn(bytes: number, cause: Error): Error {
  if (!isHangUp(cause) || bytes < FEW_BYTES) return cause
  const text = `ZooKeeper closed the connection at a request with ${bytes} bytes of data; most likely its jute.maxbuffer is lower: raise it there, or register less metadata`
  return new HungUp(text, { cause })
}

/** Whether ZooKeeper closed the connection, and nothing else went wrong. */
export function isHangUp(cause: Error | undefined): boolean {
  if (cause === undefined || cause instanceof HungUp) return true
  return ['ECONNRESET', 'EPIPE'].includes((cause as NodeJS.ErrnoException).code ?? '')
}

/** Whether the other side spoke no TLS when it was greeted with TLS. */
function isPlainAnswer(cause: Error | undefined): boolean {
  return /before secure TLS|WRONG_VERSION|PACKET_LENGTH_TOO_LONG/i.test(`${codeOf(cause)} ${reasonOf(cause)}`)
}

function codeOf(cause: Error | undefined): string | undefined {
  return (cause as NodeJS.ErrnoException | undefined)?.code
}

const NO_GREETING =
  'ZooKeeper closed the connection without a greeting; most likely this is its TLS port (give the option tls), its maxClientCnxns are in use, or it has no quorum'
const IS_PLAIN =
  'ZooKeeper closed the connection during the TLS handshake; most likely this is its port for plain text: name its secureClientPort, or leave the option tls out'
/** Fewer cannot be too many for anybody. */
const FEW_BYTES = 1_024
