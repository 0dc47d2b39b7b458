import type { Duplex } from 'node:stream'
import { wrongResult } from '../callbacks.ts'
import { inRoot } from '../root.ts'
import type { Origin } from './origin.ts'
import type { ServerSession } from './server-session.ts'

/** A protocol for calls on the same addresses as rpcx. Host lists, limits, TLS and timeouts apply before it. */
export interface Door {
  /**
   * Returns whether a connection that begins with these bytes uses this protocol. Returns `more` when they are too few to tell; the server
   * passes at most 4 KiB. It does not ask about rpcx connections, which begin with 0x08. An exception counts as `no`.
   */
  matches(firstBytes: Uint8Array): 'yes' | 'no' | 'more'
  /** Opens a session on a connection. `stream` still yields the bytes that `matches` got. An exception closes the connection. */
  open(stream: Duplex, origin: Origin): ServerSession
}

/**
 * Reads the first bytes of a connection to choose its door, and pushes them back.
 * @param chosen receives the door; `undefined` for rpcx and for an unknown protocol
 * @param failed receives the error that a door throws
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
    // The session reads by adding a `data` listener.
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

/** The first byte of every rpcx frame. */
const RPCX = 0x08
const MOST_FIRST_BYTES = 4_096
