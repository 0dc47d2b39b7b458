import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('multiple-servers: the client survives the death of one of two servers, and uses it again after its restart', async () => {
  await using first = new Program('multiple-servers/server.ts', '127.0.0.1:0')
  await using second = new Program('multiple-servers/server.ts', '127.0.0.1:0')
  const [, one = ''] = await first.line(/listens at tcp@(.*)/)
  const [, two = ''] = await second.line(/listens at tcp@(.*)/)

  await using client = new Program('multiple-servers/client.ts', one, two)
  await client.line(new RegExp(`= 200, said tcp@${one}`))
  await client.line(new RegExp(`= 200, said tcp@${two}`))

  await first.kill()
  const alone = client.lines.length
  for (let calls = 0; calls < 5; calls++) await client.line(new RegExp(`said tcp@${two}`), alone + calls)

  await using again = new Program('multiple-servers/server.ts', one)
  await again.line(/listens at/)
  await client.line(new RegExp(`said tcp@${one}`), client.lines.length)
  expect(client.lines.filter(line => !line.startsWith('10 × 20 = 200'))).toEqual([])
})
