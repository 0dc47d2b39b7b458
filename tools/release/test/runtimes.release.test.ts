import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { authority, identity, requireServer, startEtcd } from '@rpcx/servers'
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { ipv4, NameServer } from '../../../packages/core/test/discovery/name-server.ts'
import { Consumer } from './consumer.ts'
import type { Recipe } from './recipe.ts'
import { recipesOf } from './recipe.ts'
import { runtimes } from './runtime.ts'

const page = await readFile(new URL('../../../docs/runtimes.md', import.meta.url), 'utf8')
const recipes = recipesOf(page)
const tools = [
  ...['@babel/core@7.29.13', '@babel/preset-env@7.29.14', '@babel/preset-typescript@7.29.7'],
  ...['@rollup/plugin-commonjs@29.0.3', '@rollup/plugin-json@6.1.0', '@rollup/plugin-node-resolve@16.0.3'],
  ...[
    '@rollup/plugin-typescript@12.3.1',
    'rollup@4.68.8',
    'tslib@2.9.1',
    'esbuild@0.28.2',
    'ts-loader@9.6.2',
  ],
  ...['@swc/core@1.16.22', '@swc/jest@0.2.39', '@types/jest@30.0.0', 'jest@30.5.2', 'ts-jest@29.4.15'],
  ...['ts-node@10.9.2', 'tsx@4.23.15', 'typescript@5.9.3', '@types/node@20.19.43', 'vitest@4.1.12'],
  ...['webpack@5.113.0', 'webpack-cli@6.0.1'],
]

let consumer: Consumer
beforeAll(async () => {
  consumer = await Consumer.empty()
  await consumer.write('package.json', '{}')
  const names = inject('release').packages.map(({ name }) => name)
  await consumer.pnpm('add', '--config.node-linker=hoisted', '--ignore-scripts', ...names, ...tools)
  return () => consumer[Symbol.asyncDispose]()
})

describe.each(runtimes)('on $name', ({ command }) => {
  test('calls get their replies over each network, also large ones and many, and rejected callers get none', async () => {
    const ours = authority('ours')
    const server = identity(ours, 'server')
    const client = identity(ours, 'client')
    const stranger = identity(authority('theirs'), 'stranger')
    const names = await new NameServer().open()
    onTestFinished(() => names.close())
    names.answer = ({ type }) => (type === 1 ? [ipv4(127, 0, 0, 1)] : [])
    const given = { ca: ours.cert, server, client, stranger, names: names.address, folder: consumer.folder }
    await consumer.write('networks.mts', networks)
    const told = await consumer.run([...(await command()), 'networks.mts'], { GIVEN: JSON.stringify(given) })
    expect(JSON.parse(told)).toEqual({
      ...{ tcp: 'all', unix: 'all', memu: 'all', tls: 'all', fixed: 'all', dns: 'all' },
      ...{ nobody: 'ERR_RPCX_TLS', stranger: 'ERR_RPCX_TLS', wrongServer: 'ERR_RPCX_TLS' },
    })
  })

  test('import and require load the same core', async () => {
    const program =
      "import('@rpcx/core').then(core => process.stdout.write(String(core.Server === require('@rpcx/core').Server)))"
    await consumer.write('one.cjs', program)
    // tsx compiles required modules, so it has its own copy.
    const plain = (await command()).filter(word => word !== '--import' && word !== 'tsx')
    expect(await consumer.run([...plain, 'one.cjs'])).toBe('true')
  })
})

describe.runIf(await requireServer('etcd'))('the recipe on the page', () => {
  let etcd: Awaited<ReturnType<typeof startEtcd>>
  beforeAll(async () => {
    etcd = await startEtcd()
    return () => etcd[Symbol.asyncDispose]()
  })

  test.each(recipes)('$name', async ({ name, files, commands }: Recipe) => {
    const env = { ETCD: etcd.address }
    const folder = `recipe-${name.replaceAll(/\W+/g, '-')}`
    for (const [file, text] of files) await consumer.write(join(folder, file), text)
    for (const command of commands) {
      const said = await consumer.run(['sh', '-c', command], env, folder)
      if (/^npx (tsx|ts-node) /.test(command)) expect(said).toContain(product)
    }
    const bundles = await readdir(join(consumer.folder, folder, 'bundle')).catch(() => [])
    expect(bundles.length > 0).toBe(['esbuild', 'rollup', 'webpack'].includes(name))
    for (const file of bundles.filter(file => /js$/.test(file)))
      await runAlone(join(folder, 'bundle', file), env)
  })

  test('exists for each tool that the page promises', () => {
    expect(recipes.map(({ name }) => name)).toEqual([
      ...['tsx', 'ts-node', 'esbuild', 'rollup', 'webpack', 'jest with ts-jest', 'jest with Babel'],
      ...['jest with SWC', 'jest with ECMAScript modules', 'vitest'],
    ])
  })

  /** Runs the bundle in an otherwise empty folder. */
  async function runAlone(bundle: string, env: NodeJS.ProcessEnv): Promise<void> {
    await using empty = await Consumer.empty()
    const name = bundle.split('/').at(-1) ?? ''
    await empty.write(name, await readFile(join(consumer.folder, bundle), 'utf8'))
    expect(await empty.run([process.execPath, name], env)).toContain(product)
  }
})

const product = '10 × 20 = 200, 0 servers\n'

/** Prints the results of the calls over each network. */
const networks = `
import { DNSDiscovery, MultipleServersDiscovery, Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'

const { ca, server: identity, client, stranger, names, folder } = JSON.parse(process.env.GIVEN ?? '')
const told: Record<string, string> = {}

async function serve(network: string, host: string, options = {}): Promise<Server> {
  const server = new Server(options)
  server.registerName('Echo', { Echo: (value: unknown) => value })
  await server.serve(network, host)
  return server
}

async function call(name: string, discovery: Peer2PeerDiscovery | DNSDiscovery | MultipleServersDiscovery, options = {}) {
  const echo = new XClient<{ Echo(value: unknown): unknown }>('Echo', discovery, { timeoutMs: 20_000, ...options })
  try {
    const bytes = new Uint8Array(3_000_000).fill(7)
    const back = (await echo.call('Echo', bytes)) as Uint8Array
    const numbers = Array.from({ length: 1_000 }, (_, i) => i)
    const all = await Promise.all(numbers.map(n => echo.call('Echo', n)))
    told[name] = Buffer.compare(back, bytes) === 0 && String(all) === String(numbers) ? 'all' : 'others'
  } catch (error) {
    told[name] = (error as { code: string }).code
  }
  await echo.close()
  await discovery.close()
}

const tcp = await serve('tcp', '127.0.0.1:0')
const address = String(tcp.address)
await call('tcp', new Peer2PeerDiscovery(address))
await call('fixed', new MultipleServersDiscovery([{ key: address }]))
const port = Number(address.split(':').at(-1))
await call('dns', new DNSDiscovery({ domain: 'echo.example', port, servers: names }))
const unix = await serve('unix', folder + '/echo.sock')
await call('unix', new Peer2PeerDiscovery(String(unix.address)))
const memory = await serve('memu', 'echo')
await call('memu', new Peer2PeerDiscovery(String(memory.address)))
const tls = await serve('tcp', '127.0.0.1:0', { tls: { ...identity, ca, requestCert: true } })
const secure = () => new Peer2PeerDiscovery(String(tls.address))
await call('tls', secure(), { tls: { ...client, ca } })
await call('nobody', secure(), { tls: { ca } })
await call('stranger', secure(), { tls: { ...stranger, ca } })
await call('wrongServer', secure(), { tls: { ...client, ca: stranger.cert }, failMode: 'failfast' })
for (const server of [tcp, unix, memory, tls]) await server.close()
console.log(JSON.stringify(told))
`
