import { connect } from 'node:http2'
import type { Access } from './access.ts'

/** Resolves when the host speaks HTTP/2. gRPC is not used for that: after a failed connect it retries once, even when closed. */
export function probe(host: string, tls: Access['tls']): Promise<void> {
  return heard(`${tls ? 'https' : 'http'}://${host}`, { ...tls }, 'remoteSettings')
}

/** Returns whether the host speaks TLS where plain text was expected, or the reverse. */
export function isOtherWay(host: string, tls: Access['tls']): Promise<boolean> {
  const other = tls
    ? heard(`http://${host}`, {}, 'remoteSettings')
    : heard(`https://${host}`, { rejectUnauthorized: false }, 'connect')
  return other.then(
    () => true,
    () => false,
  )
}

async function heard(url: string, options: object, sign: 'connect' | 'remoteSettings'): Promise<void> {
  const session = connect(url, options)
  const answered = new Promise<unknown>((resolve, reject) => {
    session.setTimeout(KNOCK_MS, () => reject(new Error(`no answer within ${KNOCK_MS} ms`)))
    session.on('error', reject)
    session.on('close', () =>
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })),
    )
    // With TLS 1.3, the server rejects the client certificate only after the handshake. The HTTP/2 session does not report that.
    session.on('connect', (_, socket) => socket.on('error', reject))
    session.on(sign, resolve)
  })
  await answered.finally(() => session.destroy())
}

const KNOCK_MS = 3_000
