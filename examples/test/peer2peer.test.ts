import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('peer2peer: a client in another process multiplies 10 by 20', async () => {
  await using server = new Program('peer2peer/server.ts', '127.0.0.1:0')
  const [, address = ''] = await server.line(/listens at tcp@(.*)/)

  await using client = new Program('peer2peer/client.ts', address)
  await client.line(/^10 × 20 = 200$/)
  expect(await client.exit()).toBe(0)
})
