import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { runInNewContext } from 'node:vm'
import { Peer2PeerDiscovery, RegisterPlugin, Server, XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { clientOf, failure, serving } from '../helpers.ts'

interface Anything {
  [method: string]: (args?: unknown) => unknown
}

class Base {
  inherited(): string {
    return `inherited by ${this.name}`
  }
  get name(): string {
    return 'Base'
  }
}

class Service extends Base {
  readonly field = (): string => 'a field is no method of the class'
  own(): string {
    return `own of ${this.name}`
  }
  override get name(): string {
    return 'Service'
  }
  _hidden(): string {
    return 'hidden'
  }
}

async function offered(service: object, names: readonly string[]): Promise<string[]> {
  const server = await serving({ Any: service })
  const client = clientOf<Anything>('Any', [server])
  const answers = await Promise.all(
    names.map(name =>
      client.call(name).then(
        () => [name],
        error => (error.code === 'ERR_RPCX_METHOD_NOT_FOUND' ? [] : [`${name}: ${error.message}`]),
      ),
    ),
  )
  return answers.flat()
}

describe('registerName', () => {
  test('serves the own functions of a plain object, with the object as this', async () => {
    const counter = {
      count: 41,
      next() {
        this.count++
        return this.count
      },
    }
    const server = await serving({ Counter: counter })
    const client = clientOf<{ next(): number }>('Counter', [server])
    expect(await client.call('next')).toBe(42)
  })

  test('serves no member of a plain object that is not a function, is a getter or begins with _', async () => {
    const service = {
      yes: () => 1,
      _no: () => 2,
      number: 3,
      get getter() {
        return () => 4
      },
    }
    const names = ['yes', '_no', 'number', 'getter', 'toString', 'hasOwnProperty', '__proto__', 'constructor']
    expect(await offered(service, names)).toEqual(['yes'])
  })

  test('serves the functions of an object without a prototype', async () => {
    const service = Object.assign(Object.create(null), { yes: () => 1 })
    expect(await offered(service, ['yes', 'toString'])).toEqual(['yes'])
  })

  test('serves the methods of a class and of the classes that it extends, and nothing else', async () => {
    const names = ['own', 'inherited', 'name', 'field', '_hidden', 'constructor', 'toString', 'valueOf']
    expect(await offered(new Service(), names)).toEqual(['own', 'inherited'])
  })

  test.each<[string, object, readonly string[]]>([
    [
      'EventEmitter',
      new (class extends EventEmitter {
        own(): number {
          return 1
        }
      })(),
      ['emit', 'on', 'removeAllListeners', 'listeners'],
    ],
    [
      'EventTarget',
      new (class extends EventTarget {
        own(): number {
          return 1
        }
      })(),
      ['addEventListener', 'dispatchEvent'],
    ],
    [
      'PassThrough',
      new (class extends PassThrough {
        own(): number {
          return 1
        }
      })(),
      ['write', 'destroy', 'pipe', 'emit', 'on'],
    ],
    [
      'AsyncResource',
      new (class extends AsyncResource {
        own(): number {
          return 1
        }
      })('x'),
      ['runInAsyncScope', 'bind', 'emitDestroy'],
    ],
    [
      'Map',
      new (class extends Map {
        own(): number {
          return 1
        }
      })(),
      ['get', 'set', 'clear', 'forEach'],
    ],
    [
      'Object of another realm',
      runInNewContext('new (class { own() { return 1 } })()'),
      ['toString', 'valueOf'],
    ],
  ])('serves nothing that comes from %s', async (_name, service, names) => {
    expect(await offered(service, ['own', ...names, 'toString', 'constructor'])).toEqual(['own'])
  })

  test.each<[unknown, string]>([
    [Service, 'registerName: Any is a function, not an object; pass an object of it, new Service()'],
    [() => 1, 'registerName: Any is a function, not an object; registerFunction offers one'],
    [[() => 1], 'registerName: Any is an array, not an object with methods'],
    [Promise.resolve({ yes: () => 1 }), 'registerName: Any is a promise; await it first'],
    ['text', 'registerName: Any is string, not an object'],
    [null, 'registerName: Any is null, not an object'],
    [undefined, 'registerName: Any is undefined, not an object'],
  ])('rejects %j, which is not an object with methods', (service, text) => {
    expect(() => new Server().registerName('Any', service as object)).toThrow(new TypeError(text))
  })

  test.each(['msgpack', 'json'] as const)(
    'passes undefined to a method whose arguments have a default: %s',
    async codec => {
      const service = {
        List: ({ limit = 10 }: { limit?: number } = {}) => limit,
        Null: (value: unknown) => value === null,
      }
      const server = await serving({ Any: service })
      server.registerFunction('Math', (n = 7) => n, '', { name: 'seven' })
      const client = clientOf<Anything>('Any', [server], { codec })
      expect(await client.call('List')).toBe(10)
      expect(await client.call('List', undefined)).toBe(10)
      expect(await client.call('List', { limit: 3 })).toBe(3)
      expect(await client.call('Null')).toBe(true)
      expect(await clientOf<Anything>('Math', [server], { codec }).call('seven')).toBe(7)
    },
  )

  test('calls methods of a class with the instance as this', async () => {
    const client = clientOf<Service>('Service', [await serving({ Service: new Service() })])
    expect(await client.call('own')).toBe('own of Service')
    expect(await client.call('inherited')).toBe('inherited by Service')
  })

  test('never runs a getter when it looks for methods', () => {
    const service = {
      method: () => 1,
      get trap(): never {
        throw new Error('was read')
      },
    }
    expect(() => new Server().registerName('Any', service)).not.toThrow()
  })

  test('serves only what `methods` names, even a field', async () => {
    const server = await serving({})
    server.registerName('Any', new Service(), '', { methods: ['field'] })
    const client = clientOf<Service>('Any', [server])
    expect(await client.call('field')).toBe('a field is no method of the class')
    expect(await failure(client.call('own'))).toMatchObject({ code: 'ERR_RPCX_METHOD_NOT_FOUND' })
  })

  test('rejects names in `methods` that do not exist', () => {
    const server = new Server()
    expect(() => server.registerName('Any', new Service(), '', { methods: ['missing'] })).toThrow(
      new TypeError('registerName: Any has no method missing'),
    )
  })

  test.each([
    ['', 'is ""; pass a string that is not empty'],
    ['  ', 'is "  "; pass a string that is not empty'],
    ['a/b', 'has a /'],
  ])('rejects the name %j', (name, why) => {
    expect(() => new Server().registerName(name, new Service())).toThrow(TypeError)
    expect(() => new Server().registerName(name, new Service())).toThrow(why)
  })

  test('rejects a name that is in use, and keeps the first service', async () => {
    const server = await serving({ Any: { who: () => 'first' } })
    expect(() => server.registerName('Any', { who: () => 'second' })).toThrow(TypeError)
    expect(await clientOf<{ who(): string }>('Any', [server]).call('who')).toBe('first')
  })

  test.each([[{}], [{ number: 1 }], [new (class {})()]])('rejects %j, which has no methods', service => {
    expect(() => new Server().registerName('Any', service)).toThrow(
      new RangeError('registerName: Any has no methods to offer'),
    )
  })

  test('says what to do when all functions are in fields', () => {
    class Fields {
      add = (a: number): number => a + 1
      sub = (a: number): number => a - 1
    }
    const server = new Server()
    expect(() => server.registerName('S', new Fields())).toThrow(
      new RangeError(`registerName: S has no methods to offer${only("'add', 'sub'")}`),
    )
    const types = { add: {}, sub: {} }
    expect(() => server.registerName('S', new Fields(), '', { types })).toThrow(
      new TypeError(
        `registerName: types.add belongs to a function of S that is not offered${only("'add', 'sub'")}`,
      ),
    )
    expect(() => server.registerName('S', new Fields(), '', { types, methods: ['sub'] })).toThrow(
      new TypeError(
        `registerName: types.add belongs to a function of S that is not offered${only("'sub', 'add'")}`,
      ),
    )
    server.registerName('S', new Fields(), '', { types, methods: ['sub', 'add'] })
  })

  test('serves at once what is registered while the server listens', async () => {
    const server = await serving({})
    const client = clientOf<{ who(): string }>('Late', [server])
    expect(await failure(client.call('who'))).toMatchObject({ code: 'ERR_RPCX_SERVICE_NOT_FOUND' })
    server.registerName('Late', { who: () => 'late' })
    expect(await client.call('who')).toBe('late')
  })
})

function only(names: string): string {
  return `; functions in fields of a class, names with _ and what the platform's classes define are offered only when methods names them: pass methods: [${names}]`
}

describe('registerFunction', () => {
  test('serves functions by their names or by another one, several under one service', async () => {
    const server = await serving({})
    server.registerFunction('Math', function double(n: number) {
      return 2 * n
    })
    server.registerFunction('Math', (n: number) => n * n, '', { name: 'square' })
    const client = clientOf<{ double(n: number): number; square(n: number): number }>('Math', [server])
    expect(await client.call('double', 21)).toBe(42)
    expect(await client.call('square', 12)).toBe(144)
  })

  test('rejects a function without a name, what is not a function, and a name that is in use', () => {
    const server = new Server()
    server.registerName('Object', { method: () => 1 })
    server.registerFunction('Math', () => 1, '', { name: 'one' })
    expect(() => server.registerFunction('Math', () => 2)).toThrow(
      new TypeError('registerFunction: a function of Math has no name; pass options.name'),
    )
    expect(() => server.registerFunction('Math', 'one' as never, '', { name: 'two' })).toThrow(
      new TypeError('registerFunction: Math needs a function, not string'),
    )
    expect(() => server.registerFunction('Math', () => 2, '', { name: 'one' })).toThrow(
      new TypeError('registerFunction: Math.one is registered already'),
    )
    expect(() => server.registerFunction('Object', () => 2, '', { name: 'two' })).toThrow(
      new TypeError('registerFunction: Object is registered already'),
    )
    expect(() => server.registerFunction('a/b', () => 2, '', { name: 'two' })).toThrow(TypeError)
  })
})

describe('misuse', () => {
  test.each<[string, (server: Server) => void, string]>([
    [
      'types of a method that is not there',
      server => server.registerName('S', { hi: () => 1 } as never, '', { types: { Hi: {} } }),
      'registerName: types.Hi belongs to no method of S; there are hi',
    ],
    [
      'metadata that are an object',
      server => server.registerName('S', { hi: () => 1 }, { weight: 1 } as never),
      'registerName: the metadata of S is object; pass a query string',
    ],
    [
      'a weight that is no number',
      server => server.registerName('S', { hi: () => 1 }, 'weight=abc'),
      'the weight of S is "abc", not an integer from 1 up',
    ],
    [
      'a weight of 0',
      server => server.registerFunction('S', () => 1, 'weight=0', { name: 'hi' }),
      'registerFunction: the weight of S is "0"',
    ],
    [
      'an option that is not there',
      server => server.registerName('S', { hi: () => 1 }, '', { method: ['hi'] } as never),
      'registerName: there is no option method; did you mean methods?',
    ],
  ])('of registerName is a TypeError at once: %s', (_what, register, text) => {
    expect(() => register(new Server())).toThrow(TypeError)
    expect(() => register(new Server())).toThrow(text)
  })

  test.each<[string, unknown, string]>([
    ['a string for closeOn', { closeOn: 'SIGTERM' }, 'closeOn is "SIGTERM", not a list such as ["SIGTERM"]'],
    [
      'a signal that ends every process',
      { closeOn: ['SIGTERM', 'SIGKILL'] },
      'closeOn[1] is "SIGKILL", which no process',
    ],
    ['a signal that there is not', { closeOn: ['SIGFOO'] }, 'closeOn[0] is "SIGFOO", not a signal'],
    ['options that are none', 5, 'the options are 5, not an object'],
  ])('of an option of the server is a TypeError at once: %s', (_what, options, text) => {
    expect(() => new Server(options as never)).toThrow(TypeError)
    expect(() => new Server(options as never)).toThrow(`Server: ${text}`)
  })

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['an object', {}, 'an object of Object'],
    ['a class', RegisterPlugin, 'class RegisterPlugin, not'],
    ['a function', function plugin() {}, 'function plugin, not'],
  ])('of a plugin is a TypeError at once: %s', (_what, plugin, shown) => {
    expect(() => new Server().plugins.add(plugin as never)).toThrow(`plugins.add: the argument is ${shown}`)
  })

  test.each<[string, unknown, RegExp]>([
    ['nothing', {}, /tls has no key and cert, nor pfx, SNICallback or pskCallback/],
    ['true', true, /tls has no key and cert, nor pfx/],
    ['a path', { key: 'key.pem', cert: 'cert.pem' }, /tls is rejected by node:tls: .*PEM/],
    [
      'no cipher',
      { pskCallback: () => null, ciphers: 'nonsense' },
      /rejected by node:tls: .*no cipher match/i,
    ],
  ])('of the TLS of a server is a TypeError at once: %s', (_what, tls, text) => {
    expect(() => new Server({ tls } as never)).toThrow(TypeError)
    expect(() => new Server({ tls } as never)).toThrow(text)
  })

  test.each<[string, () => unknown, string]>([
    [
      'a rate limit',
      () => new Server({ rateLimit: { callsPerSecond: 1, bursts: 2 } } as never),
      'Server: rateLimit: there is no option bursts; did you mean burst?',
    ],
    [
      'registerFunction',
      () => new Server().registerFunction('S', () => 1, '', { nam: 'hi' } as never),
      'registerFunction: there is no option nam; did you mean name?',
    ],
    [
      'close',
      () => new Server().close({ drainMS: 1 } as never),
      'close: there is no option drainMS; did you mean drainMs?',
    ],
    [
      'ready',
      async () => {
        await using client = new XClient('S', new Peer2PeerDiscovery('tcp@127.0.0.1:1'))
        await client.ready({ server: 2 } as never)
      },
      'ready: there is no option server; did you mean servers?',
    ],
    [
      'a wait for a list',
      () => new Peer2PeerDiscovery('tcp@127.0.0.1:1').list('S', { timeoutMS: 1 } as never),
      'there is no option timeoutMS; did you mean timeoutMs?',
    ],
  ])('of an option of %s is a TypeError that suggests the nearest name', async (_what, use, text) => {
    const error = await (async () => use())().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(text)
  })

  test('of an option of the server is a TypeError that suggests the nearest name', () => {
    expect(() => new Server({ maxFramebytes: 1 } as never)).toThrow(
      new TypeError('Server: there is no option maxFramebytes; did you mean maxFrameBytes?'),
    )
    expect(() => new Server({ nothing: 1 } as never)).toThrow(
      new TypeError('Server: there is no option nothing'),
    )
  })
})
