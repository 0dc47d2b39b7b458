import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('cluster: two processes serve the same port, and both get calls', async () => {
  const host = await freeHost()
  await using server = new Program('cluster/server.ts', host, '2')
  await server.line(/listens at tcp@(.*)/, 1)

  await using client = new Program('cluster/client.ts', host)
  await client.line(/^17984 primes up to 200 000, counted by 2 processes$/)
  expect(await client.exit()).toBe(0)

  await server.kill('SIGTERM')
  expect(await server.exit()).toBe(0)
})

test('cluster: with port 0 each process listens on a port of its own, as a registry needs', async () => {
  await using server = new Program('cluster/server.ts', '127.0.0.1:0', '3')
  const hosts = new Set<string>()
  for (const index of [0, 1, 2]) hosts.add((await server.line(/listens at tcp@(.*)/, index))[1] ?? '')
  expect(hosts.size).toBe(3)
  await server.kill('SIGTERM')
  expect(await server.exit()).toBe(0)
})

test('cluster: a killed process is replaced', async () => {
  await using server = new Program('cluster/server.ts', '127.0.0.1:0', '2')
  const [, pid] = await server.line(/^(\d+) listens at/)
  process.kill(Number(pid), 'SIGKILL')
  await server.line(/listens at tcp@(.*)/, 2)
  await server.kill('SIGTERM')
  expect(await server.exit()).toBe(0)
})

/** A host with a port that was free a moment ago. */
async function freeHost(): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return `127.0.0.1:${port}`
}
