import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { BareFrames, field } from './bare-frames.ts'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'
import { floor } from './floor.ts'

/**
 * The floor with the least that a client needs whose calls are awaited: a promise for each, and a view of the reply. Replies are taken
 * to come in order; there is nothing else around it.
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

/** A full ring with as many slots again: each number has its own there, too. */
function twice<T>(ring: readonly T[]): T[] {
  return [...ring, ...ring]
}
