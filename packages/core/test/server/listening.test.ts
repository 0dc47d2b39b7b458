import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallContext } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { clientOf, closing, directory, failure, portOf, serving } from '../helpers.ts'
import { isPosix } from '../platform.ts'
import { Program } from '../program.ts'

interface Who {
  who(): string
}

const who = (name: string): Who => ({ who: () => name })

describe('serve', () => {
  test('on port 0 returns the port that the system chose', async () => {
    const server = await serving({ Who: who('me') })
    expect(portOf(server)).toBeGreaterThan(0)
    expect(await clientOf<Who>('Who', [server]).call('who')).toBe('me')
  })

  test('has no address before it listens', () => {
    expect(new Server().address).toBeUndefined()
  })

  test.runIf(isPosix)('listens at several addresses and publishes the first', async () => {
    const path = join(await directory(), 'second.sock')
    const server = await serving({ Who: who('me') })
    const first = server.address
    await server.serve('unix', path)
    await server.serve('memu', server.id)
    expect(server.address).toBe(first)
    for (const address of [first, `unix@${path}`, `memu@${server.id}`]) {
      expect(await clientOf<Who>('Who', [{ address }]).call('who')).toBe('me')
    }
  })

  test('listens on all interfaces when the host is left out', async () => {
    const server = await serving({ Who: who('me') }, {}, ['tcp4', ':0'])
    expect(server.address).toMatch(/^tcp4@0\.0\.0\.0:\d+$/)
    const client = clientOf<Who>('Who', [{ address: `tcp@127.0.0.1:${portOf(server)}` }])
    expect(await client.call('who')).toBe('me')
  })

  test('listens on IPv6 and writes its address in brackets', async () => {
    const server = await serving({ Who: who('me') }, {}, ['tcp6', '[::1]:0'])
    expect(server.address).toMatch(/^tcp6@\[::1\]:\d+$/)
    expect(await clientOf<Who>('Who', [server]).call('who')).toBe('me')
  })

  test('on a port in use rejects, and leaves the server as it was', async () => {
    const first = await serving({ Who: who('first') })
    const second = closing(new Server())
    second.registerName('Who', who('second'))
    expect(await failure(second.serve('tcp', `127.0.0.1:${portOf(first)}`))).toMatchObject({
      code: 'EADDRINUSE',
    })
    expect(second.address).toBeUndefined()
    await second.serve('tcp', '127.0.0.1:0')
    expect(await clientOf<Who>('Who', [second]).call('who')).toBe('second')
    expect(await clientOf<Who>('Who', [first]).call('who')).toBe('first')
  })

  test.each([
    ['tcp', '127.0.0.1'],
    ['tcp', '127.0.0.1:65536'],
    ['carrier-pigeon', 'here'],
  ])('rejects %s %s', async (network, host) => {
    expect(await failure(closing(new Server()).serve(network, host))).toMatchObject({
      code: 'ERR_RPCX_ADDRESS',
    })
  })

  test('rejects a name in memory that is in use', async () => {
    const first = await serving({ Who: who('first') }, {}, ['memu', 'taken'])
    expect((await failure(closing(new Server()).serve('memu', 'taken'))).message).toBe(
      'listen: memu@taken is taken',
    )
    expect(await clientOf<Who>('Who', [first]).call('who')).toBe('first')
  })

  test('after close() rejects', async () => {
    const server = new Server()
    await server.close()
    expect(await failure(server.serve('tcp', '127.0.0.1:0'))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })

  test('rejects and does not listen when close() is called meanwhile', async () => {
    const server = new Server()
    const serve = failure(server.serve('tcp', '127.0.0.1:0'))
    await server.close()
    expect(await serve).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(server.address).toBeUndefined()
  })
})

describe.runIf(isPosix)('a unix socket', () => {
  test('carries calls, and its file is removed with the server', async () => {
    const path = join(await directory(), 'who.sock')
    const remote: string[] = []
    const service = { who: (_: unknown, context: CallContext) => remote.push(context.remoteAddress) }
    const server = await serving({ Who: service }, {}, ['unix', path])
    expect(server.address).toBe(`unix@${path}`)
    const client = clientOf<{ who(): number }>('Who', [server])
    expect(await client.call('who')).toBe(1)
    expect(remote).toEqual(['unix@'])
    await client.close()
    await server.close()
    expect(await failure(stat(path))).toMatchObject({ code: 'ENOENT' })
  })

  test('takes over the file that a crashed server left behind', async () => {
    const path = join(await directory(), 'who.sock')
    const crashed = closing(new Program('unix-server', path))
    expect(await crashed.line(0)).toBe('listening')
    crashed.kill()
    await crashed.exit
    expect((await stat(path)).isSocket()).toBe(true)
    const server = await serving({ Who: who('successor') }, {}, ['unix', path])
    expect(await clientOf<Who>('Who', [server]).call('who')).toBe('successor')
  })

  test('is not taken over from a running server', async () => {
    const path = join(await directory(), 'who.sock')
    const server = await serving({ Who: who('first') }, {}, ['unix', path])
    expect(await failure(closing(new Server()).serve('unix', path))).toMatchObject({ code: 'EADDRINUSE' })
    expect(await clientOf<Who>('Who', [server]).call('who')).toBe('first')
  })

  test('never replaces a file that is no socket', async () => {
    const path = join(await directory(), 'precious.txt')
    await writeFile(path, 'precious')
    expect(await failure(closing(new Server()).serve('unix', path))).toMatchObject({ code: 'EADDRINUSE' })
    expect(await readFile(path, 'utf8')).toBe('precious')
  })
})
