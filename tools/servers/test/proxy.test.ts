import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { untilResolved } from '../src/deadline.ts'
import { startProxy, type TcpProxy } from '../src/index.ts'

let target: Server
let received: Buffer[]
let targetSockets: Socket[]
let proxy: TcpProxy

beforeEach(async () => {
  received = []
  targetSockets = []
  target = createServer(socket => {
    targetSockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      received.push(chunk)
      socket.write(chunk)
    })
  })
  await once(target.listen(0, '127.0.0.1'), 'listening')
  proxy = await startProxy(`127.0.0.1:${(target.address() as { port: number }).port}`)
})

afterEach(async () => {
  await proxy.close()
  target.close()
})

test('A proxy forwards both ways, whatever the size, and the end of a stream', async () => {
  const client = await connected()
  const sent = Buffer.alloc(5_000_000, 'abcdefg')
  let size = 0
  client.on('data', chunk => {
    size += chunk.length
    if (size === sent.length) client.end()
  })
  client.write(sent)
  await once(client, 'close')
  expect(size).toBe(sent.length)
  expect(Buffer.concat(received).equals(sent)).toBe(true)
  await eventually(() => expect(proxy.connections).toBe(0))
})

test('A cut resets existing and new connections, and counts the attempts until it is healed', async () => {
  const client = await connected()
  await echoed(client, 'before')
  const reset = errorOf(client)
  await proxy.cut()
  expect(await reset).toBe('ECONNRESET')
  for (let i = 0; i < 3; i++) expect(await errorOf(open())).toBe('ECONNRESET')
  expect(proxy.attempts).toBe(4)
  await eventually(() => expect(proxy.connections).toBe(0))
  await proxy.heal()
  await echoed(await connected(), 'after')
})

test('A refusing cut closes the port, and heal() opens the same one', async () => {
  await proxy.cut({ refuse: true })
  expect(await errorOf(open())).toBe('ECONNREFUSED')
  await proxy.heal()
  await echoed(await connected(), 'after')
  expect(proxy.attempts).toBe(1)
})

test('A drop resets the existing connections only', async () => {
  const client = await connected()
  await echoed(client, 'before')
  const reset = errorOf(client)
  proxy.drop()
  expect(await reset).toBe('ECONNRESET')
  await echoed(await connected(), 'after')
})

test('A stall upwards delivers nothing to the target, still delivers its responses, and loses nothing', async () => {
  const client = await connected()
  await echoed(client, 'before')
  proxy.stall('up')
  client.write('held')
  const [socket] = targetSockets
  socket?.write('down')
  expect(await nextText(client)).toBe('down')
  expect(Buffer.concat(received).toString()).toBe('before')
  await proxy.heal()
  expect(await nextText(client)).toBe('held')
})

test('A stall downwards delivers nothing to the client, still delivers its requests, also on new connections', async () => {
  proxy.stall('down')
  const client = await connected()
  const answer = nextText(client)
  client.write('heard')
  await eventually(() => expect(Buffer.concat(received).toString()).toBe('heard'))
  expect(await Promise.race([answer, sleep(100, 'silent')])).toBe('silent')
  await proxy.heal()
  expect(await answer).toBe('heard')
})

test.each(['end', 'reset'])(
  'A stall both ways hides even the %s of a connection from the target',
  async how => {
    const client = await connected()
    await echoed(client, 'before')
    proxy.stall()
    const [socket] = targetSockets as [Socket]
    let closed = false
    socket.once('close', () => {
      closed = true
    })
    if (how === 'end') client.destroy()
    else client.resetAndDestroy()
    await sleep(100)
    expect(closed).toBe(false)
    await proxy.heal()
    await eventually(() => expect(closed).toBe(true))
    await eventually(() => expect(proxy.connections).toBe(0))
  },
)

test('A delay holds bytes back each way, in order', async () => {
  const client = await connected()
  await echoed(client, 'before')
  proxy.delay(50)
  const startedAt = performance.now()
  client.write('one')
  await sleep(5)
  client.write('two')
  let text = ''
  while (text.length < 6) text += await nextText(client)
  expect(text).toBe('onetwo')
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99)
})

test('A target that is down resets clients, and serves them once it is up', async () => {
  const { port } = target.address() as { port: number }
  await new Promise(resolve => target.close(resolve))
  expect(await errorOf(open())).toBe('ECONNRESET')
  await once(target.listen(port, '127.0.0.1'), 'listening')
  await echoed(await connected(), 'after')
  expect(proxy.attempts).toBe(2)
})

function open(): Socket {
  const { hostname, port } = new URL(`tcp://${proxy.address}`)
  return createConnection(Number(port), hostname).on('error', () => {})
}

async function connected(): Promise<Socket> {
  const socket = open()
  await once(socket, 'connect')
  return socket
}

async function echoed(socket: Socket, text: string): Promise<void> {
  socket.write(text)
  expect(await nextText(socket)).toBe(text)
}

async function nextText(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString()
}

async function errorOf(socket: Socket): Promise<string | undefined> {
  const error = await new Promise<NodeJS.ErrnoException>(resolve => socket.once('error', resolve))
  return error.code
}

function eventually(check: () => void): Promise<void> {
  return untilResolved(async () => check(), { what: 'the condition', timeoutMs: 5_000 })
}
