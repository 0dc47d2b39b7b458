import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { BareFrames, field } from './bare-frames.ts'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'
import { floor } from './floor.ts'

/**
 * The floor plus the least that a client with awaitable calls needs: a promise per call, and a view of the reply. It assumes that
 * replies come in order, and does nothing else.
 */
export const promised: Contestant = {
  serve: floor.serve,

  async connect(address, { bytes = 581 }) {
    const [host, port] = address.split(':')
    const socket: Socket = connect({ host, port: Number(port), noDelay: true })
    await new Promise<unknown>(resolve => socket.once('connect', resolve))

    let waiting = new Array<(reply: Buffer) => void>(FIRST_SLOTS)
    let sent = 0
    let replies = 0
    const deadline = Buffer.concat([field('__ServerTimeout'), field('10000')])
    const frames = new BareFrames(socket, 0, deadline, (chunk, { start, end }) => {
      waiting[replies++ & (waiting.length - 1)]?.(chunk.subarray(start, end))
    })
    let isScheduled = false
    const flush = (): void => {
      isScheduled = false
      frames.flush()
    }
    const payload = Buffer.alloc(bytes, 7)
    return awaited(
      () =>
        new Promise(resolve => {
          if (sent - replies === waiting.length) waiting = twice(waiting)
          waiting[sent & (waiting.length - 1)] = resolve
          frames.write(sent++, payload, 0, payload.length)
          if (isScheduled) return
          isScheduled = true
          process.nextTick(flush)
        }),
    )
  },
}

const FIRST_SLOTS = 4_096

/** Doubles a full ring. Each number has its own slot in the new ring, too. */
function twice<T>(ring: readonly T[]): T[] {
  return [...ring, ...ring]
}
