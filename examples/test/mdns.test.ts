import { randomInt } from 'node:crypto'
import { test } from 'vitest'
import { Program } from './program.ts'

test('a client follows servers that start, stop and crash, without a registry', async () => {
  const network = ['127.0.0.1', String(randomInt(20_000, 32_000))]
  await using client = new Program('mdns/client.ts', ...network)

  await using first = new Program('mdns/server.ts', '127.0.0.1:0', ...network)
  const [, one = ''] = await first.line(/listens at (.*)/)
  await client.line(new RegExp(`^\\+ ${one} weight=10$`))
  await client.line(new RegExp(`= 200, said ${one}`))

  await using second = new Program('mdns/server.ts', '127.0.0.1:0', ...network)
  const [, two = ''] = await second.line(/listens at (.*)/)
  await client.line(new RegExp(`= 200, said ${two}`))

  await first.kill('SIGTERM')
  await client.line(new RegExp(`^- ${one}`))
  await client.line(new RegExp(`said ${two}`), client.lines.length)

  await second.kill('SIGKILL')
  await client.line(new RegExp(`^- ${two}`))
}, 40_000)
