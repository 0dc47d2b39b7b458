import type { Packet, Resource } from './packet.ts'
import { HEADER_BYTES, isSameRecord, MAX_PACKET_BYTES, response, sizeOf } from './packet.ts'

/** Records for one packet: the answers, and additional records that the asker needs next. */
export interface Bundle {
  readonly answers: readonly Resource[]
  readonly additionals: readonly Resource[]
}

/** Puts bundles into as few packets as possible, in order. */
export function toPackets(bundles: readonly Bundle[]): Packet[] {
  const packets: { answers: Resource[]; additionals: Resource[]; bytes: number }[] = []
  for (const { answers, additionals } of bundles) {
    const last = packets.at(-1)
    const there = last === undefined ? [] : [...last.answers, ...last.additionals]
    // Most bundles contain the addresses of the host.
    const more = (records: readonly Resource[]): Resource[] =>
      records.filter(record => !there.some(other => isSameRecord(other, record)))
    const bytes = total(more(answers)) + total(more(additionals))
    if (last !== undefined && last.bytes + bytes <= MAX_PACKET_BYTES) {
      last.answers.push(...more(answers))
      last.additionals.push(...more(additionals))
      last.bytes += bytes
    } else {
      packets.push({
        answers: [...answers],
        additionals: [...additionals],
        bytes: HEADER_BYTES + total(answers) + total(additionals),
      })
    }
  }
  return packets.map(({ answers, additionals }) => response({ answers, additionals }))
}

function total(records: readonly Resource[]): number {
  return records.reduce((sum, record) => sum + sizeOf(record), 0)
}
