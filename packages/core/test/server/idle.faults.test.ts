import { expect, test } from 'vitest'
import { atMost, median } from '../../../../tools/testing/src/at-most.ts'
import { closing } from '../helpers.ts'
import { Program } from '../program.ts'

const CONNECTIONS = 10_000

// A small semi-space, because the memory that V8 reserves for new objects does not belong to connections.
process.env.NODE_OPTIONS = '--max-semi-space-size=1'

/** Returns the memory of one idle connection, in bytes. */
async function bytesEach(kind: 'bare' | 'rpcx'): Promise<number> {
  const server = closing(new Program('idle-server', kind))
  const before = JSON.parse(await server.line(0))
  const clients = closing(new Program('idle-clients', String(before.port), String(CONNECTIONS)))
  expect(await clients.line(0)).toBe('open')
  server.signal('SIGUSR2')
  const after = JSON.parse(await server.line(1))
  await Promise.all([server.close(), clients.close()])
  return (after.rss - before.rss) / CONNECTIONS
}

test('10 000 idle connections take little more memory than bare sockets', async () => {
  const ratios: number[] = []
  for (let round = 0; round < 3; round++) {
    const bare = await bytesEach('bare')
    const rpcx = await bytesEach('rpcx')
    console.info(`bare ${bare.toFixed(0)} bytes each, rpcx ${rpcx.toFixed(0)}`)
    ratios.push(rpcx / bare)
  }
  atMost(1.5, 'memory beside bare sockets', median(ratios), '×')
})
