import { isRpcxError, RpcxError } from '../errors.ts'

/**
 * The error of bytes that begin no frame. It says what they are where they are the first that a peer sent, so that it speaks another
 * protocol; later ones only tell that something went wrong.
 */
export function foreignError(bytes: Buffer, isFirst: boolean): RpcxError {
  const text = `frame: begins with 0x${(bytes[0] as number).toString(16)} instead of 0x08`
  if (!isFirst) return new RpcxError('ERR_RPCX_FRAME', text)
  const protocol = protocolOf(bytes)
  const speaks = protocol === undefined ? '' : `: the other side speaks ${protocol}`
  return new RpcxError('ERR_RPCX_FRAME', `${text}${speaks}`, { fatal: true })
}

/** Whether a peer was closed because it never sent a frame: whatever it is, it ran no call. */
export function isForeign(error: Error | undefined): error is RpcxError {
  return isRpcxError(error, 'ERR_RPCX_FRAME') && error.fatal
}

/** Whether it is one that speaks TLS. */
export function isForeignTls({ message }: RpcxError): boolean {
  return message.includes('speaks TLS')
}

function protocolOf(bytes: Buffer): string | undefined {
  // A TLS record: its type, then version 3.x (RFC 8446 §5.1).
  if (bytes.length >= 3 && (bytes[0] as number) >= 0x14 && (bytes[0] as number) <= 0x17 && bytes[1] === 3)
    return 'TLS; set the option tls'
  const text = bytes.toString('latin1', 0, 16)
  if (text.startsWith('HTTP/') || /^[A-Z]+ \S/.test(text)) return 'HTTP'
  if (text.startsWith('SSH-')) return 'SSH'
  return undefined
}
