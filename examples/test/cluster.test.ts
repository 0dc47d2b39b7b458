import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('cluster: two processes serve on one port, and both are called', async () => {
  await using server = new Program('cluster/server.ts', '127.0.0.1:0', '2')
  const [, host = ''] = await server.line(/listens at tcp@(.*)/, 1)

  await using client = new Program('cluster/client.ts', host)
  await client.line(/^17984 primes up to 200 000, counted by 2 processes$/)
  expect(await client.exit()).toBe(0)

  await server.kill('SIGTERM')
  expect(await server.exit()).toBe(0)
})
