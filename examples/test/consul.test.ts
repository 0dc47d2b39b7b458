import { requireServer, startConsul } from '@rpcx/servers'
import { describe, test } from 'vitest'
import { Program } from './program.ts'

describe.runIf(await requireServer('consul'))('consul', () => {
  test.each(['kv', 'catalog'])(
    'a client follows servers that start, stop and crash: %s',
    async source => {
      await using consul = await startConsul()
      await using client = new Program('consul/client.ts', consul.address, source)

      await using first = new Program('consul/server.ts', '127.0.0.1:0', consul.address, '2000')
      const [, one = ''] = await first.line(/listens at (.*)/)
      await client.line(new RegExp(`^\\+ ${one} weight=10$`))
      await client.line(new RegExp(`= 200, said ${one}`))

      await using second = new Program('consul/server.ts', '127.0.0.1:0', consul.address, '2000')
      const [, two = ''] = await second.line(/listens at (.*)/)
      await client.line(new RegExp(`= 200, said ${two}`))

      await first.kill('SIGTERM')
      await client.line(new RegExp(`^- ${one}`))
      await client.line(new RegExp(`said ${two}`), client.lines.length)

      await second.kill('SIGKILL')
      await client.line(new RegExp(`^- ${two}`))
    },
    30_000,
  )
})
