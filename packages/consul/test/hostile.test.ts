import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { Server } from '@rpcx/core'
import { everythingIn, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConsulDiscovery, ConsulRegisterPlugin } from '../src/index.ts'

const TOKEN = 's3cret-token-of-consul'

/** A registry that is broken on purpose. It gives a chosen answer to some requests, and Consul's answer to others. */
class Hostile {
  readonly #server = createServer((question, response) => this.#answer(question, response))
  /** Its answer to requests for the service `Bad`, or for all services. */
  bad: (response: ServerResponse, question: IncomingMessage) => void = json([])

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(question: IncomingMessage, response: ServerResponse): void {
    const { url = '' } = question
    if (url.startsWith('/v1/status/leader')) json('127.0.0.1:8300')(response)
    else if (url.includes('Good')) this.#answerWell(url, response)
    else this.bad(response, question)
  }

  #answerWell(url: string, response: ServerResponse): void {
    const isCatalog = url.includes('/health/')
    const good = json(isCatalog ? [instance()] : [item({ Key: 'x/Good/tcp@10.0.0.1:1' })])
    // Nothing ever changes, so it answers when the time of the blocking query is over.
    const [, waitMs = 0] = /wait=(\d+)ms/.exec(url) ?? []
    setTimeout(() => good(response), Number(waitMs))
  }
}

function json(body: unknown, status = 200): (response: ServerResponse) => void {
  return raw(JSON.stringify(body), status)
}

function raw(text: string | Buffer, status = 200, headers: object = {}): (response: ServerResponse) => void {
  return response => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-consul-index': '7', ...headers })
    response.end(text)
  }
}

function item(changes: object = {}): object {
  return { Key: 'x/Bad/tcp@10.0.0.1:1', Value: 'bj0x', Flags: 0, ModifyIndex: 3, ...changes }
}

function instance({ node = {}, service = {} }: { node?: object; service?: object } = {}): object {
  return {
    Node: { Node: 'n', Address: '10.0.0.1', Meta: null, ...node },
    Service: {
      ID: 'id',
      Service: 'Good',
      Tags: [],
      Address: '10.0.0.1',
      Port: 1,
      Meta: null,
      ModifyIndex: 3,
      ...service,
    },
    Checks: [],
  }
}

const anyBody: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['null', json(null)],
  ['a list of null', json([null])],
  ['a list of lists', json([[item()]])],
  ['a number', json(7)],
  ['an object', json({ Key: 'x', length: 1 })],
  ['an object with methods of lists', json({ length: 1, map: 1, forEach: 1, flat: 1, toString: 1 })],
  ['nothing at all', raw('')],
  ['no JSON', raw('[{"Key":')],
  ['bytes', raw(Buffer.from([0xff, 0xfe, 0, 0x80]))],
  ['a page', raw('<html>', 200, { 'content-type': 'text/html' })],
  ['an index that is none', raw('[]', 200, { 'x-consul-index': '-1' })],
  ['an index of a thousand digits', raw('[]', 200, { 'x-consul-index': '9'.repeat(1_000) })],
  ['a failure with a body that has no text', json({ toString: 1, valueOf: 1, Errors: 7 }, 400)],
  ['a refusal with a list of nulls', json({ Errors: [null, { What: { toString: 1 } }] }, 409)],
  ['a redirection', raw('', 301, { location: '/v1/kv/elsewhere' })],
  ['a list in a list in a list', raw(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
]
const items: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['a key that is no string', json([item({ Key: 7 })])],
  ['a key of another service', json([item({ Key: 'x/Other/tcp@h:1' })])],
  ['a value that is no string', json([item({ Value: { length: 5 } })])],
  ['a value that is no base64', json([item({ Value: '\u0000~~~~' })])],
  ['an index that is no integer', json([item({ ModifyIndex: 1.5 })])],
  ['an item that hides what objects have', json([item({ hasOwnProperty: 1 }), null])],
]
const instances: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['an instance without a node', json([{ Service: {} }])],
  ['a node of null', json([{ ...instance(), Node: null }])],
  ['meta that is no text', json([instance({ service: { Meta: { protocol: {} } } })])],
  ['tags that are no texts', json([instance({ service: { Tags: [null] } })])],
  ['tags that are no list', json([instance({ service: { Tags: 'a' } })])],
  ['a port that is no number', json([instance({ service: { Port: '80' } })])],
  ['weights of null', json([instance({ service: { Weights: null } })])],
]

const made: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['a session without a name', json({})],
  ['results of null', json({ Results: [null] })],
]

describe('When Consul misbehaves', () => {
  const hostile = new Hostile()
  beforeAll(() => hostile.open())
  afterAll(() => hostile.close())

  async function expectServed(discovery: ConsulDiscovery): Promise<void> {
    const down: Error[] = []
    discovery.on('registryDown', ({ error }) => down.push(error))
    const bad = discovery.list('Bad', { timeoutMs: 1_500 }).catch((error: Error) => error)
    const good = await discovery.list('Good')
    expect(good.map(({ address }) => address)).toEqual(['tcp@10.0.0.1:1'])
    const failure = await bad
    expect(failure).toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
    expect(down[0]).toMatchObject({ code: 'ERR_RPCX_REGISTRY', message: expect.stringMatching(/^consul .+/) })
    expect(discovery.status('Good').state).toBe('fresh')
    await discovery.close()
  }

  test.concurrent.each([...anyBody, ...items])(
    'the other services are served after a malformed list of keys: %s',
    async (_what, answer) => {
      await using own = await opened(answer)
      await expectServed(new ConsulDiscovery({ consulServers: own.hostile.address, basePath: 'x' }))
    },
  )

  test.concurrent.each([...anyBody, ...instances])(
    'the other services are served after a malformed catalog service: %s',
    async (_what, answer) => {
      await using own = await opened(answer)
      await expectServed(new ConsulDiscovery({ consulServers: own.hostile.address, source: 'catalog' }))
    },
  )

  test.concurrent.each(['come byte by byte', 'stop'])(
    'a response whose bytes %s fails at a deadline, and the other services are served',
    async how => {
      await using own = await opened(response => {
        response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '7' })
        response.write('[')
        if (how === 'stop') return
        const dripping = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(dripping))
      })
      const discovery = new ConsulDiscovery({ consulServers: own.hostile.address, basePath: 'x' })
      const down = failure(discovery)
      discovery.list('Bad').catch(() => {})
      expect(await discovery.list('Good')).toHaveLength(1)
      expect((await down).message).toMatch(/read x\/Bad.*: request timed out \(3000ms\)$/)
      await until(() => discovery.status('Good').state === 'fresh')
      await discovery.close()
    },
  )

  test('an endless response fails at a size limit', async () => {
    const piece = Buffer.alloc(2 ** 20, ' ')
    let sent = 0
    hostile.bad = response => {
      response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '7' })
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) sent += piece.length
        sent += piece.length
      }
      response.on('drain', more)
      more()
    }
    const discovery = new ConsulDiscovery({ consulServers: hostile.address, basePath: 'x' })
    const down = failure(discovery)
    discovery.list('Bad').catch(() => {})
    const error = await down
    expect(error.message).toContain('an answer of more than 67108864 bytes')
    await discovery.close()
    expect(sent).toBeLessThan(80 * 2 ** 20)
  })

  test.each([...anyBody, ...made])('a server that registers keeps running: %s', async (_what, answer) => {
    hostile.bad = answer
    const server = new Server({ lingerMs: 0, noticeMs: 0, startTimeoutMs: 500 })
    for (const catalog of [false, true]) {
      const options = { consulServers: hostile.address, basePath: 'x', catalog, ttlMs: 1_000 }
      server.plugins.add(new ConsulRegisterPlugin(options))
    }
    server.registerName('Bad', { hi: () => 1 })
    const down = failure(server)
    await server.serve('tcp', '127.0.0.1:0')
    expect(await down).toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
    await server.close()
  })

  test.each([
    ['a refusal', raw(`denied for ${TOKEN}`, 403, { 'content-type': 'text/plain' })],
    ['a failure', raw(`no leader, ${TOKEN}`, 500, { 'content-type': 'text/plain' })],
    ['errors of a transaction', json({ Errors: [{ What: `no ${TOKEN}` }] }, 409)],
    ['what is no JSON', raw(`[${TOKEN}`)],
    ['a wrong shape', json([null])],
    ['a cut connection', (response: ServerResponse) => void response.socket?.destroy()],
    ['half an answer', half],
    ['what is no HTTP', (response: ServerResponse) => void response.socket?.end(`HTTP/9 ${TOKEN}\r\n\r\n`)],
  ])('no error and no event contains the token: %s', async (_what, answer) => {
    hostile.bad = answer
    const options = { consulServers: hostile.address, basePath: 'x', token: TOKEN }
    const server = new Server({ lingerMs: 0, noticeMs: 0, startTimeoutMs: 500 })
    server.plugins.add(new ConsulRegisterPlugin(options))
    server.registerName('Bad', { hi: () => 1 })
    const events: unknown[] = []
    server.on('registryDown', detail => events.push(detail))
    const heard = failure(server)
    await server.serve('tcp', '127.0.0.1:0')
    await heard
    for (const discovery of [
      new ConsulDiscovery(options),
      new ConsulDiscovery({ ...options, source: 'catalog' }),
    ]) {
      discovery.on('registryDown', detail => events.push(detail))
      events.push(await discovery.list('Bad', { timeoutMs: 1_500 }).catch((error: Error) => error))
      events.push(discovery.status('Bad'))
      await discovery.close()
    }
    await server.close()
    expect(events.length).toBeGreaterThan(5)
    expect(everythingIn(events)).not.toContain(TOKEN)
    expect(inspect(events, { showHidden: true, depth: Number.POSITIVE_INFINITY })).not.toContain(TOKEN)
  })
})

/** Resolves to the first error that it reports. */
function failure(teller: Server | ConsulDiscovery): Promise<Error> {
  return new Promise(resolve => {
    if (teller instanceof Server) teller.on('registryDown', ({ error }) => resolve(error))
    else teller.on('registryDown', ({ error }) => resolve(error))
  })
}

function half(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'x-consul-index': '7',
    'content-length': 1_000,
  })
  response.write('[')
  response.socket?.end()
}

async function opened(
  answer: (response: ServerResponse) => void,
): Promise<{ hostile: Hostile } & AsyncDisposable> {
  const hostile = new Hostile()
  hostile.bad = answer
  await hostile.open()
  return { hostile, [Symbol.asyncDispose]: async () => hostile.close() }
}
