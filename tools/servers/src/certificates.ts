import type { KeyObject } from 'node:crypto'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate authority. */
export interface Authority {
  readonly name: string
  readonly key: KeyObject
  /** PEM */
  readonly cert: string
}

/** A certificate with its key, as `node:tls` takes them. */
export interface Identity {
  readonly key: string
  readonly cert: string
}

export interface CertificateOptions {
  /** The host names and IP addresses that it is for. @default localhost, 127.0.0.1 and ::1 */
  readonly hosts?: readonly string[]
  /** The end of its validity. @default in an hour */
  readonly notAfter?: Date
}

/** Creates an authority. */
export function authority(name: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = extension('551d13', sequence(Buffer.from('0101ff', 'hex')), true)
  const cert = certificate(name, publicKey, name, privateKey, inAnHour(), [isAuthority])
  return { name, key: privateKey, cert }
}

/** Creates a certificate for a server or a client, signed by `issuer`. */
export function identity(issuer: Authority, name: string, options: CertificateOptions = {}): Identity {
  const { hosts = ['localhost', '127.0.0.1', '::1'], notAfter = inAnHour() } = options
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = hosts.map(host =>
    isIP(host) === 0 ? tagged(0x82, Buffer.from(host)) : tagged(0x87, ipBytes(host)),
  )
  const cert = certificate(name, publicKey, issuer.name, issuer.key, notAfter, [
    extension('551d11', sequence(...names)),
  ])
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert }
}

// RFC 5280, in DER, as far as these tests need it.

function certificate(
  subject: string,
  publicKey: KeyObject,
  issuer: string,
  issuerKey: KeyObject,
  notAfter: Date,
  extensions: readonly Buffer[],
): string {
  const notBefore = new Date(Math.min(Date.now(), notAfter.getTime()) - 86_400_000)
  const signed = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    commonName(issuer),
    sequence(time(notBefore), time(notAfter)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  )
  const der = sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, issuerKey)))
  // OpenSSL refuses an empty line, so that none may follow the last one.
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

function commonName(text: string): Buffer {
  return sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(text)))))
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [Buffer.from('0101ff', 'hex')] : []
  return sequence(oid(id), ...critical, tagged(0x04, value))
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return tagged(0x17, Buffer.from(digits.slice(2)))
}

function ipBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number))
  // Only `::1` is asked for.
  return Buffer.from(`${'00'.repeat(15)}01`, 'hex')
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'))
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes)
}

function bits(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.alloc(1), bytes]))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), content])
}

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))

function inAnHour(): Date {
  return new Date(Date.now() + 3_600_000)
}
