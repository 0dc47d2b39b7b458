import { isRpcxError, RpcxError } from '../errors.ts'

/**
 * Returns the error for bytes that do not begin a frame. If they are the first bytes of a peer, it speaks another protocol, which the error
 * names. Later bytes only mean that the stream is corrupt.
 */
export function foreignError(bytes: Buffer, isFirst: boolean): RpcxError {
  const text = `frame: begins with 0x${(bytes[0] as number).toString(16)} instead of 0x08`
  if (!isFirst) return new RpcxError('ERR_RPCX_FRAME', text)
  const protocol = protocolOf(bytes)
  const speaks = protocol === undefined ? '' : `: the other side speaks ${protocol}`
  return new RpcxError('ERR_RPCX_FRAME', `${text}${speaks}`, { fatal: true })
}

/** Returns whether a connection was closed because its peer never sent a frame, and so ran no call. */
export function isForeign(error: Error | undefined): error is RpcxError {
  return isRpcxError(error, 'ERR_RPCX_FRAME') && error.fatal
}

/** Returns whether that peer speaks TLS. */
export function isForeignTls({ message }: RpcxError): boolean {
  return message.includes('speaks TLS')
}

function protocolOf(bytes: Buffer): string | undefined {
  // A TLS record begins with its type and version 3.x (RFC 8446 §5.1).
  if (bytes.length >= 3 && (bytes[0] as number) >= 0x14 && (bytes[0] as number) <= 0x17 && bytes[1] === 3)
    return 'TLS; set the option tls'
  const text = bytes.toString('latin1', 0, 16)
  if (text.startsWith('HTTP/') || /^[A-Z]+ \S/.test(text)) return 'HTTP'
  if (text.startsWith('SSH-')) return 'SSH'
  return undefined
}
