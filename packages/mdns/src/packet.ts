/** A question of a query. */
export interface Question {
  readonly name: string
  readonly type: RecordType | 'ANY'
  /** Whether the asker accepts a unicast answer (QU, RFC 6762 §5.4). */
  readonly isUnicast: boolean
}

export type RecordType = 'PTR' | 'SRV' | 'TXT' | 'A' | 'AAAA' | 'NSEC'

interface Head {
  readonly name: string
  /** How long others may keep the record; 0 withdraws it. */
  readonly ttlSeconds: number
  /** Whether a single host owns the record, so that it replaces older ones (RFC 6762 §10.2). */
  readonly isUnique: boolean
}

/** A record of one of the types that rpcx uses. */
export type Resource = Head &
  (
    | { readonly type: 'PTR' | 'A' | 'AAAA'; readonly data: string }
    | { readonly type: 'SRV'; readonly data: { readonly port: number; readonly target: string } }
    | { readonly type: 'TXT'; readonly data: readonly Buffer[] }
    /** The types that exist for this name, and no others (RFC 6762 §6.1). rpcx sends it, but does not read it. */
    | { readonly type: 'NSEC'; readonly data: readonly RecordType[] }
  )

/** One multicast DNS message. */
export interface Packet {
  readonly kind: 'query' | 'response'
  readonly id: number
  /** Whether more known answers follow in other packets. */
  readonly isTruncated: boolean
  readonly questions: readonly Question[]
  /** The answers; in a query, the answers that the asker knows already. */
  readonly answers: readonly Resource[]
  /** In a probe, the records that its sender wants to announce. */
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

/** Compares names, ignoring case. */
export function isSameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase()
}

/** Returns whether two records are equal except for their TTL. */
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

/** Returns the data of a record in the form for comparison (RFC 6762 §8.2), with names in lower case. */
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

/** The maximum size of a packet. With the IPv6 and UDP headers it fits one Ethernet frame. */
export const MAX_PACKET_BYTES = 1_440
export const HEADER_BYTES = 12

/** Returns the size in a packet. The library does not compress names. */
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
      // The NSEC data are the name again, and a bitmap of the types up to SRV (33).
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
