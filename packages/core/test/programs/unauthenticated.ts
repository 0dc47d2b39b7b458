import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Server } from '@rpcx/core'
import { frame } from '../bare-frame.ts'

// Measures the processor time that unauthenticated bytes cost a server, beside an echo of the same bytes, in turns.
const kind = process.argv[2]
const HEARTBEAT = 0x40
const GZIP = 0x04
const payload =
  kind === 'heartbeats' ? gzipSync(Buffer.alloc(1024 * 1024)) : gzipSync(randomBytes(256 * 1024))
const one =
  kind === 'heartbeats'
    ? frame({ flags: HEARTBEAT | GZIP, payload })
    : frame({ flags: GZIP, service: 'S', method: 'm', payload })
// A rejected call closes its connection, so each call opens a new one.
const perConnection = kind === 'heartbeats' ? 10_000 : 1
const connections = kind === 'heartbeats' ? 1 : 300

const server = new Server({ authenticate: ({ token }) => token === 'good', lingerMs: 0 })
server.registerName('S', { m: () => 1 })
await server.serve('tcp', '127.0.0.1:0')
const echo = createServer(socket => socket.on('error', () => {}).pipe(socket))
echo.listen(0, '127.0.0.1')
await once(echo, 'listening')
const ports = {
  ours: Number(server.address?.split(':').at(-1)),
  echo: (echo.address() as { port: number }).port,
}

/** The microseconds that all took, client included: it does the same for both. */
async function cost(port: number): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < connections; i++) {
    const socket: Socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    let left = one.length * perConnection
    const done = new Promise<void>(resolve => {
      socket.on('data', bytes => {
        left -= bytes.length
        if (left <= 0) resolve()
      })
      socket.on('close', () => resolve()).on('error', () => resolve())
    })
    for (let n = 0; n < perConnection; n++) socket.write(one)
    await done
    socket.destroy()
  }
  const { user, system } = process.cpuUsage(before)
  return user + system
}

await cost(ports.ours)
await cost(ports.echo)
const ratios: number[] = []
for (let round = 0; round < 7; round++) {
  const [ours, bare] = [await cost(ports.ours), await cost(ports.echo)]
  ratios.push(ours / bare)
}
console.log(ratios.map(ratio => ratio.toFixed(2)).join(' '))
echo.close()
await server.close()
