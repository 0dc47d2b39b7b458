import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { memory } from '../../src/transport/memory.ts'
import { closing, failure } from '../helpers.ts'

const open = new AbortController().signal

async function pair(name: string): Promise<{ client: Duplex; server: Duplex; remote: string }> {
  const accepted: [Duplex, string][] = []
  closing(await memory.listen('memu', name, (...args) => accepted.push(args)))
  const client = await memory.connect('memu', name, open)
  const [server, remote] = accepted[0] as [Duplex, string]
  client.resume()
  server.resume()
  return { client, server, remote }
}

describe('memory', () => {
  test('carries bytes both ways', async () => {
    const { client, server, remote } = await pair('both-ways')
    expect(remote).toBe('memu@both-ways')
    client.write('ping')
    expect((await once(server, 'data')).toString()).toBe('ping')
    server.write('pong')
    expect((await once(client, 'data')).toString()).toBe('pong')
  })

  test('closes both ends when both have ended', async () => {
    const { client, server } = await pair('goodbye')
    const closed = Promise.all([once(client, 'close'), once(server, 'close')])
    server.once('end', () => server.end())
    client.end('last words')
    expect((await once(server, 'data')).toString()).toBe('last words')
    await closed
  })

  test('destroys one end with the other, as a socket does', async () => {
    const { client, server } = await pair('gone')
    const gone = once(client, 'close')
    server.destroy()
    await gone
    const second = await pair('gone-too')
    const alsoGone = once(second.server, 'close')
    second.client.destroy()
    await alsoGone
  })

  test('delivers what was written before an end was destroyed', async () => {
    const { client, server } = await pair('last-words')
    const heard: string[] = []
    server.on('data', chunk => heard.push(String(chunk)))
    const gone = once(server, 'close')
    client.write('last words')
    client.destroy()
    await gone
    expect(heard).toEqual(['last words'])
  })

  test('refuses a name without a listener', async () => {
    expect((await failure(memory.connect('memu', 'nobody', open))).message).toBe(
      'connect: nobody listens at memu@nobody',
    )
    const listener = await memory.listen('memu', 'nobody', () => {})
    await listener.close()
    expect((await failure(memory.connect('memu', 'nobody', open))).message).toMatch('nobody listens')
  })

  test('does not connect once the signal has aborted', async () => {
    const reason = new Error('no longer wanted')
    expect(await failure(memory.connect('memu', 'any', AbortSignal.abort(reason)))).toBe(reason)
  })

  test('keeps the name of a new listener when an older one closes again', async () => {
    const first = await memory.listen('memu', 'name', () => {})
    await first.close()
    closing(await memory.listen('memu', 'name', () => {}))
    await first.close()
    expect(await failure(memory.listen('memu', 'name', () => {}))).toEqual(
      new Error('listen: memu@name is taken'),
    )
  })
})
