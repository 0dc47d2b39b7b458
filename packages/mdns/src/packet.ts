/** What is asked. */
export interface Question {
  readonly name: string
  readonly type: RecordType | 'ANY'
  /** Whether the answer may come to the asker alone (QU, RFC 6762 §5.4). */
  readonly isUnicast: boolean
}

export type RecordType = 'PTR' | 'SRV' | 'TXT' | 'A' | 'AAAA' | 'NSEC'

interface Head {
  readonly name: string
  /** How long it may be believed; 0 says goodbye. */
  readonly ttlSeconds: number
  /** Whether one host alone may say it, so that it replaces what was there (RFC 6762 §10.2). */
  readonly isUnique: boolean
}

/** One record, of the types that matter here. */
export type Resource = Head &
  (
    | { readonly type: 'PTR' | 'A' | 'AAAA'; readonly data: string }
    | { readonly type: 'SRV'; readonly data: { readonly port: number; readonly target: string } }
    | { readonly type: 'TXT'; readonly data: readonly Buffer[] }
    /** The only types that its name has (RFC 6762 §6.1). It is said, and never read. */
    | { readonly type: 'NSEC'; readonly data: readonly RecordType[] }
  )

/** One multicast DNS message. */
export interface Packet {
  readonly kind: 'query' | 'response'
  readonly id: number
  /** Whether more known answers follow in other packets. */
  readonly isTruncated: boolean
  readonly questions: readonly Question[]
  /** The answers; in a query those that are known already. */
  readonly answers: readonly Resource[]
  /** What a probe is about to announce. */
  readonly authorities: readonly Resource[]
  readonly additionals: readonly Resource[]
}

export function query(parts: Partial<Packet>): Packet {
  return { ...EMPTY, ...parts, kind: 'query' }
}

export function response(parts: Partial<Packet>): Packet {
  return { ...EMPTY, ...parts, kind: 'response' }
}

const EMPTY = { id: 0, isTruncated: false, questions: [], answers: [], authorities: [], additionals: [] }

/** Names are the same in upper and in lower case. */
export function isSameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase()
}

/** Whether two records say the same, for however long. */
export function isSameRecord(a: Resource, b: Resource): boolean {
  return a.type === b.type && isSameName(a.name, b.name) && isSameData(a, b)
}

export function isSameData(a: Resource, b: Resource): boolean {
  if (a.type === 'TXT') {
    return (
      b.type === 'TXT' &&
      a.data.length === b.data.length &&
      a.data.every((text, i) => text.equals(b.data[i] as Buffer))
    )
  }
  if (a.type === 'SRV') {
    return b.type === 'SRV' && a.data.port === b.data.port && isSameName(a.data.target, b.data.target)
  }
  if (a.type === 'NSEC') return b.type === 'NSEC' && a.data.join() === b.data.join()
  return a.type === b.type && isSameName(a.data, b.data as string)
}

/** The data of a record as they are compared (RFC 6762 §8.2), names in lower case. */
export function rdata(resource: Resource): Buffer {
  switch (resource.type) {
    case 'SRV': {
      const fixed = Buffer.alloc(6)
      fixed.writeUInt16BE(resource.data.port, 4)
      return Buffer.concat([fixed, labels(resource.data.target)])
    }
    case 'TXT':
      return Buffer.concat(resource.data.flatMap(text => [Buffer.of(text.length), text]))
    case 'PTR':
      return labels(resource.data)
    default:
      return Buffer.from(String(resource.data))
  }
}

function labels(name: string): Buffer {
  return Buffer.concat(
    name
      .toLowerCase()
      .split('.')
      .flatMap(label => [Buffer.of(Buffer.byteLength(label)), Buffer.from(label)]),
  )
}

/** The most that a packet may have: with the headers of IPv6 and UDP it fits one frame of Ethernet. */
export const MAX_PACKET_BYTES = 1_440
export const HEADER_BYTES = 12

/** How much it takes in a packet, where the library writes every name in full. */
export function sizeOf(part: Question | Resource): number {
  const name = nameBytes(part.name)
  if (!('data' in part)) return name + 4
  switch (part.type) {
    case 'SRV':
      return name + 10 + 6 + nameBytes(part.data.target)
    case 'TXT':
      return name + 10 + textBytes(part.data)
    case 'PTR':
      return name + 10 + nameBytes(part.data)
    case 'NSEC':
      // Its name again, and one bit for each type up to SRV's 33.
      return name + 10 + name + 2 + 5
    default:
      return name + 10 + (part.type === 'A' ? 4 : 16)
  }
}

export function textBytes(strings: readonly Buffer[]): number {
  return strings.reduce((sum, text) => sum + 1 + text.length, 0)
}

function nameBytes(name: string): number {
  return Buffer.byteLength(name) + 2
}
