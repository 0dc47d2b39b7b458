import { connect } from 'node:net'
import { closing } from './helpers.ts'
import { Program } from './program.ts'
import { until } from './until.ts'

/** Resolves to the port of a server whose queue is full, so that dials hang. */
export async function blackHole(): Promise<number> {
  const hole = closing(new Program('black-hole'))
  const port = Number(await hole.line(0))
  // As many connections as the queue takes, and a few more, which hang.
  let queued = 0
  for (let i = 0; i < 8; i++) {
    const socket = connect(port, '127.0.0.1', () => queued++)
    closing({ close: () => socket.destroy() })
  }
  await until(() => queued === 2)
  return port
}
