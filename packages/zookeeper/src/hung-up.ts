import { reasonOf } from '@rpcx/core'

/** ZooKeeper closed the connection. It writes the reason only to its own log. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
}

/** Explains why a server probably closed the connection before its handshake. Returns other causes unchanged. */
export function notGreeted(cause: Error | undefined): Error | undefined {
  if (isPlainAnswer(cause)) return new HungUp(IS_PLAIN, { cause })
  // A reset may be reported before the connection itself is.
  return isHangUp(cause) ? new HungUp(NO_GREETING, { cause }) : cause
}

/** Does the same for an open connection. @param bytes the data bytes of the largest unanswered request */
export function hungUpOn(bytes: number, cause: Error): Error {
  if (!isHangUp(cause) || bytes < FEW_BYTES) return cause
  const text = `ZooKeeper closed the connection at a request with ${bytes} bytes of data; most likely its jute.maxbuffer is lower: raise it there, or register less metadata`
  return new HungUp(text, { cause })
}

/** Returns whether ZooKeeper closed the connection without another error. */
export function isHangUp(cause: Error | undefined): boolean {
  if (cause === undefined || cause instanceof HungUp) return true
  return ['ECONNRESET', 'EPIPE'].includes((cause as NodeJS.ErrnoException).code ?? '')
}

/** Returns whether the server did not answer the TLS handshake in TLS. */
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
/** No server rejects a request with fewer bytes for its size. */
const FEW_BYTES = 1_024
