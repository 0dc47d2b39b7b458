import type { Duplex } from 'node:stream'
import { wrongResult } from '../callbacks.ts'
import { inRoot } from '../root.ts'
import type { Origin } from './origin.ts'
import type { ServerSession } from './server-session.ts'

/** A protocol by which calls come in, beside rpcx and on the same addresses. Lists of hosts, limits, TLS and time-outs come before all doors. */
export interface Door {
  /**
   * Returns whether a connection that begins with these bytes is for this door: `more` when they are too few to tell, at most 4 KiB. It is
   * not asked about connections of rpcx, which begin with 0x08. What throws is not for it.
   */
  matches(firstBytes: Uint8Array): 'yes' | 'no' | 'more'
  /** Opens a session on a connection for this door. What was read of `stream` can be read again. What throws closes the connection. */
  open(stream: Duplex, origin: Origin): ServerSession
}

/**
 * Reads as much of a connection as it takes to choose its door, and puts that back.
 * @param chosen told of the door; of none when it speaks rpcx, or nothing that is known here
 * @param failed told of a door that throws
 */
export function chooseDoor(
  stream: Duplex,
  doors: readonly Door[],
  chosen: (door: Door | undefined) => void,
  failed: (thrown: unknown) => void,
): void {
  let firstBytes = Buffer.alloc(0)
  const read = (chunk: Buffer): void => {
    firstBytes = Buffer.concat([firstBytes, chunk])
    const door = doorFor(firstBytes, doors, failed)
    if (door === 'more' && firstBytes.length < MOST_FIRST_BYTES) return
    stream.off('data', read).pause()
    stream.unshift(firstBytes)
    // Whoever reads on does so by listening.
    inRoot(() => chosen(door === 'more' ? undefined : door))
    stream.resume()
  }
  stream.on('data', read)
}

function doorFor(
  firstBytes: Uint8Array,
  doors: readonly Door[],
  failed: (thrown: unknown) => void,
): Door | 'more' | undefined {
  if (firstBytes[0] === RPCX) return undefined
  let isOpen = false
  for (const door of doors) {
    try {
      const verdict = door.matches(firstBytes)
      if (verdict === 'yes') return door
      if (verdict === 'more') isOpen = true
      else if (verdict !== 'no') throw wrongResult('matches() of a door', verdict, "'yes', 'no' or 'more'")
    } catch (thrown) {
      failed(thrown)
    }
  }
  return isOpen ? 'more' : undefined
}

/** The first byte of every frame of rpcx. */
const RPCX = 0x08
const MOST_FIRST_BYTES = 4_096
