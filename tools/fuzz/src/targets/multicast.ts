import { createRequire } from 'node:module'
import { fromLibrary } from '../../../../packages/mdns/src/library.ts'
import { fromStrings } from '../../../../packages/mdns/src/text.ts'
import { isWellFormed } from '../../../../packages/mdns/src/well-formed.ts'
import { recordedPackets } from '../../../../packages/mdns/test/recorded.ts'
import type { Target } from '../target.ts'
import { nothing } from './errors.ts'

const ofMdns = createRequire(new URL('../../../../packages/mdns/src/library.ts', import.meta.url))
/** The library that the library uses. */
export const dnsPacket: { decode(input: Buffer): FullPacket; encode(packet: object): Buffer } = createRequire(
  ofMdns.resolve('multicast-dns'),
)('dns-packet')

/** Packets of multicast DNS: checked, decoded by the library and read. */
export const multicast: Target = {
  name: 'multicast',
  corpus: recordedPackets,
  tokens: ['c00c', '0010', '000c0001', '00210001', 'ff', '00100001000011940000'].map(hex =>
    Buffer.from(hex, 'hex'),
  ),
  decode(input) {
    const decoded = isWellFormed(input) ? decodedByLibrary(input) : undefined
    if (decoded === undefined) return undefined
    const packet = fromLibrary(decoded)
    const { answers, authorities, additionals } = packet
    const texts = [...answers, ...authorities, ...additionals].flatMap(resource =>
      resource.type === 'TXT' ? [fromStrings(resource.data)] : [],
    )
    return [packet, texts]
  },
  mayThrow: nothing,
  limits: { inputBytes: 9_000 },
}

/** It drops what it rejects. */
function decodedByLibrary(input: Buffer): FullPacket | undefined {
  try {
    return dnsPacket.decode(input)
  } catch {
    return undefined
  }
}

type FullPacket = Parameters<typeof fromLibrary>[0]
