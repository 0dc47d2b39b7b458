import type { FullPacket, QueryOutgoingPacket, ResponseOutgoingPacket } from 'multicast-dns'
import type { Packet, Question, Resource } from './packet.ts'

type Outgoing = QueryOutgoingPacket & ResponseOutgoingPacket
type Answer = Outgoing['answers'][number]

/** Converts a packet that the library has decoded. Omits records of other types. */
export function fromLibrary(found: FullPacket): Packet {
  const { type = 'query', id = 0, flags = 0, questions = [] } = found
  return {
    kind: type,
    id,
    isTruncated: (flags & TRUNCATED) !== 0,
    questions: questions.map(({ name, type, class: of }) => ({
      name,
      type: type as Question['type'],
      // The library supports this bit in records only. In questions it reads the bit as part of the class.
      isUnicast: (of as string | undefined) === 'UNKNOWN_32769',
    })),
    answers: resources(found.answers),
    authorities: resources(found.authorities),
    additionals: resources(found.additionals),
  }
}

export function toLibrary({ id, isTruncated, ...packet }: Packet): Outgoing {
  return {
    id,
    flags: isTruncated ? TRUNCATED : 0,
    questions: packet.questions.map(({ name, type }) => ({
      name,
      type,
      class: 'IN',
    })) as Outgoing['questions'],
    answers: packet.answers.map(answer),
    authorities: packet.authorities.map(answer),
    additionals: packet.additionals.map(answer),
  }
}

const TRUNCATED = 0x0200

function resources(found: readonly Answer[] = []): Resource[] {
  return found.map(resource).filter(known => known !== undefined)
}

function resource(record: Answer): Resource | undefined {
  if (!('flush' in record) || record.class !== 'IN') return undefined
  const { name, ttl: ttlSeconds = 0, flush: isUnique = false } = record
  const head = { name, ttlSeconds, isUnique }
  switch (record.type) {
    case 'PTR':
    case 'A':
    case 'AAAA':
      return { ...head, type: record.type, data: record.data }
    case 'SRV':
      return { ...head, type: 'SRV', data: record.data }
    case 'TXT':
      return { ...head, type: 'TXT', data: record.data as Buffer[] }
    default:
      return undefined
  }
}

function answer(resource: Resource): Answer {
  const { name, ttlSeconds: ttl, isUnique: flush, type } = resource
  if (type === 'NSEC') {
    const data = { nextDomain: name, rrtypes: [...resource.data] }
    return { name, ttl, flush, class: 'IN', type, data }
  }
  // The library modifies the array that it gets.
  const data = type === 'TXT' ? [...resource.data] : resource.data
  return { name, ttl, flush, class: 'IN', type, data } as Answer
}
