import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'

/** Plain HTTP: `node:http` serves, `undici` calls, with the connections and pipelining that suit it best. */
export const http: Contestant = {
  async serve() {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', chunk => chunks.push(chunk))
      request.on('end', () => response.end(Buffer.concat(chunks)))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  },

  async connect(address, { bytes = 581 }) {
    const pool = new Pool(`http://${address}`, { connections: 32, pipelining: 1 })
    const body = Buffer.alloc(bytes, 7)
    const call = async (): Promise<unknown> => {
      const reply = await pool.request({ path: '/Bench/Echo', method: 'POST', body })
      return reply.body.arrayBuffer()
    }
    await call()
    return awaited(call)
  },
}
