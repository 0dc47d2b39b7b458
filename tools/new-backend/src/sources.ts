/** `src/index.ts`: the options, and the two classes that users see. */
export function index(name: string): string {
  const Name = pascal(name)
  return `import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { checkRegistryOptions, RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import type { ${Name}Options } from './driver.ts'
import { ${Name}Driver } from './driver.ts'

export type { ${Name}Options } from './driver.ts'

export interface ${Name}RegisterPluginOptions extends RegisterPluginOptions, ${Name}Options {}

/** Registers a server in ${name}. */
export class ${Name}RegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ${Name}RegisterPluginOptions) {
    checkRegistryOptions('${Name}RegisterPlugin', options, OWN_OPTIONS)
    super(new ${Name}Driver(options), options)
  }
}

export interface ${Name}DiscoveryOptions extends RegistryDiscoveryOptions, ${Name}Options {}

/** Discovers servers in ${name}. */
export class ${Name}Discovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ${Name}DiscoveryOptions) {
    checkRegistryOptions('${Name}Discovery', options, OWN_OPTIONS)
    super(new ${Name}Driver(options), options)
  }
}

/** The names of the options that only this backend has, used to reject misspelt ones. */
const OWN_OPTIONS: Readonly<Record<keyof ${Name}Options, true>> = { basePath: true }
`
}

/** `src/driver.ts`: one answer to each question that core asks, none of them right yet. */
export function driver(name: string): string {
  const Name = pascal(name)
  return `import type { Clock, Driver, DriverTraits, Entry, RegistrySession, Replica, StoredEntry } from '@rpcx/core'

/** Where the registry is. */
export interface ${Name}Options {
  /** What all entries lie below. */
  readonly basePath: string
}

/** One protocol, spoken once: core repeats, backs off, orders, parses and merges. */
export class ${Name}Driver implements Driver {
  readonly name = '${name}'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }

  constructor({ basePath }: ${Name}Options) {
    if (typeof basePath !== 'string' || basePath === '') {
      throw new TypeError(\`${name}: basePath is \${JSON.stringify(basePath)}, not a path\`)
    }
  }

  /** Throws when this can never be stored: its size, its characters. */
  check(_entry: Entry): void {}

  /** One attempt: connect, authenticate, get a lease. Take the time and all timers from \`clock\`, which tests can move. */
  async open(_signal: AbortSignal, _clock: Clock): Promise<RegistrySession> {
    return new ${Name}RegistrySession()
  }
}

class ${Name}RegistrySession implements RegistrySession {
  readonly ttlMs = 10_000
  /** Resolves when all that was written here has gone: the lease expired, say. */
  readonly ended: Promise<Error> = new Promise(() => {})

  /** Calls \`into.replace()\` with all there is, then \`put()\` and \`remove()\` for each change, until the signal aborts. */
  async watchService(_service: string, _into: Replica, _signal: AbortSignal): Promise<void> {
    throw notYet('watchService')
  }

  /** The same for one entry: what is there now, then after each change. */
  async watchEntry(
    _service: string,
    _address: string,
    _saw: (held: StoredEntry | undefined) => void,
    _signal: AbortSignal,
  ): Promise<void> {
    throw notYet('watchEntry')
  }

  /** Compare and set: writes only in place of exactly \`over\`. */
  async write(_entry: Entry, _over: StoredEntry | undefined): Promise<bigint | undefined> {
    throw notYet('write')
  }

  /** Removes the entry if this session keeps it. */
  async remove(_service: string, _address: string): Promise<void> {
    throw notYet('remove')
  }

  /** Gives back what \`open\` took. */
  async close(): Promise<void> {}
}

function notYet(method: string): Error {
  return new Error(\`${name}: \${method} is not written yet\`)
}
`
}

/** `test/contract.test.ts`: the laws, to be run against the real registry. */
export function contractTest(name: string): string {
  const Name = pascal(name)
  return `import { registryContract } from '@rpcx/contract'
import { afterAll, beforeAll, test } from 'vitest'
import { ${Name}Driver } from '../src/driver.ts'
import type { TestServer } from './server.ts'
import { startServer } from './server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

// Give the bench ways to hurt the registry (\`outage\`, \`remove\`, \`edit\`, …), and more laws apply.
registryContract(test, () => ({ driver: () => new ${Name}Driver({ basePath: '/rpcx_test' }) }))
`
}

/** `test/server.ts`: where the tests get their registry from. */
export function testServer(name: string): string {
  const Name = pascal(name)
  const variable = `RPCX_${name.toUpperCase().replaceAll('-', '_')}`
  return `/** The ${name} of one test file. */
export interface TestServer {
  /** \`host:port\` */
  readonly address: string
  stop(): Promise<void>
}

/**
 * Takes the ${name} at the address in ${variable}. Once \`tools/servers\` can start one, return \`start${Name}()\` of it instead:
 * CONTRIBUTING.md says how.
 */
export async function startServer(): Promise<TestServer> {
  return { address: process.env.${variable} ?? '127.0.0.1:0', stop: async () => {} }
}
`
}

/** `wall-board` as `WallBoard`. */
export function pascal(name: string): string {
  return name.replace(/(?:^|-)([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}
