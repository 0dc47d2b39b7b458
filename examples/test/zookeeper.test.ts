import { requireServer, startZooKeeper } from '@rpcx/servers'
import { describe, test } from 'vitest'
import { Program } from './program.ts'

describe.runIf(await requireServer('zookeeper'))('zookeeper', () => {
  test('a client follows servers that start, stop and crash', async () => {
    await using zooKeeper = await startZooKeeper()
    await using client = new Program('zookeeper/client.ts', zooKeeper.address)

    await using first = new Program('zookeeper/server.ts', '127.0.0.1:0', zooKeeper.address)
    const [, one = ''] = await first.line(/listens at (.*)/)
    await client.line(new RegExp(`^\\+ ${one} weight=10$`))
    await client.line(new RegExp(`= 200, said ${one}`))

    await using second = new Program('zookeeper/server.ts', '127.0.0.1:0', zooKeeper.address)
    const [, two = ''] = await second.line(/listens at (.*)/)
    await client.line(new RegExp(`= 200, said ${two}`))

    await first.kill('SIGTERM')
    await client.line(new RegExp(`^- ${one}`))
    await client.line(new RegExp(`said ${two}`), client.lines.length)

    await second.kill('SIGKILL')
    await client.line(new RegExp(`^- ${two}`))
  }, 30_000)
})
