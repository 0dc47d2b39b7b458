import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, multicastPort, requireServer, startConsul, startEtcd, startZooKeeper } from '@rpcx/servers'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { Consumer, nodes } from './consumer.ts'
import type { Runtime } from './runtime.ts'
import { runtimes } from './runtime.ts'

const registries = [
  { kind: 'etcd', start: startEtcd, port: 2379 },
  { kind: 'zookeeper', start: startZooKeeper, port: 2181 },
  { kind: 'consul', start: startConsul, port: 8500 },
] as const
const required = await Promise.all(registries.map(({ kind }) => requireServer(kind)))
const available = registries.filter((_registry, i) => required[i])

describe.runIf(required[0])('etcd', () => {
  test.each(nodes)('pnpm add, then a server and its client, on Node %s', async node => {
    await using consumer = await Consumer.empty(node)
    await consumer.pnpm('add', '@rpcx/core', '@rpcx/etcd')
    await consumer.pnpm('add', '--save-dev', 'tsx')
    await runEtcd(consumer)
  })

  test('npm install, then a server and its client', async () => {
    await using consumer = await Consumer.empty()
    await consumer.npm('init', '--yes')
    await consumer.npm('install', '@rpcx/core', '@rpcx/etcd', 'tsx')
    await runEtcd(consumer)
  })

  test('yarn add, then a server and its client', async () => {
    await using consumer = await Consumer.empty()
    await consumer.write('package.json', '{}')
    await consumer.yarn('add', '@rpcx/core', '@rpcx/etcd', 'tsx')
    await runEtcd(consumer)
  })

  /** Runs the programs of the example with the installed packages, whatever its own package.json says. */
  async function runEtcd(consumer: Consumer): Promise<void> {
    await consumer.copy('etcd')
    await using etcd = await startEtcd()
    await callsOver(consumer, etcd.address)
  }
})

describe('an example that is copied out of the repository', () => {
  test.each(available)('$kind', async ({ kind, start }) => {
    await using consumer = await installed(kind)
    await using registry = await start()
    await callsOver(consumer, registry.address)
  })

  test('mdns', async () => {
    await using consumer = await installed('mdns')
    await callsOver(consumer, '127.0.0.1', String(multicastPort()))
  })

  test('custom-registry', async () => {
    await using consumer = await installed('custom-registry')
    await callsOver(consumer, consumer.folder)
  })

  test('peer2peer', async () => {
    await using consumer = await installed('peer2peer')
    await using server = consumer.start('server.ts', '127.0.0.1:0')
    const [, address = ''] = await server.line(/listens at tcp@(.*)/)
    await using client = consumer.start('client.ts', address)
    await client.line(/= 200/)
  })

  test('multiple-servers', async () => {
    await using consumer = await installed('multiple-servers')
    await using server = consumer.start('server.ts', '127.0.0.1:0')
    const [, address = ''] = await server.line(/listens at tcp@(.*)/)
    await using client = consumer.start('client.ts', address)
    await client.line(/= 200/)
  })

  test('cluster', async () => {
    await using consumer = await installed('cluster')
    await using server = consumer.start('server.ts', '127.0.0.1:0', '2')
    const [, host = ''] = await server.line(/listens at tcp@(.*)/, 1)
    await using client = consumer.start('client.ts', host)
    await client.line(/^17984 primes/)
    await server.kill('SIGTERM')
  })

  test.each(['inprocess', 'interceptors'])('%s', async name => {
    await using consumer = await installed(name)
    await using program = consumer.start('main.ts')
    expect(await program.exit()).toBe(0)
  })

  /** Runs the example as its README says. */
  async function installed(name: string): Promise<Consumer> {
    const consumer = await Consumer.empty()
    await consumer.copy(name)
    await consumer.pnpm('install')
    return consumer
  }
})

test.each(['README.md', 'README.zh-CN.md'])(
  '%s works when it is copied literally into an empty folder',
  async path => {
    await using consumer = await Consumer.empty()
    await consumer.run(['sh', '-ec', await block(path, 'sh', 0)])
    await consumer.write('program.ts', (await block(path, 'ts')).replaceAll(':8972', `:${await freePort()}`))
    expect(await consumer.run(['sh', '-ec', await block(path, 'sh', 1)])).toContain('10 × 20 = 200\n')
    // With the defaults of tsc, in the same folder.
    await consumer.npm('install', 'typescript@5.9.3', '@types/node@20')
    await consumer.run(['npx', 'tsc', '--init'])
    await consumer.run(['npx', 'tsc', '--noEmit', '--types', 'node'])
  },
)

describe('the README of a package, copied literally into an empty folder', () => {
  describe.each(['core', 'inprocess', 'mdns'])('%s', name => {
    const consumer = installedAsIn(name)
    test('as it says', () => runs(consumer(), name))
    test.each(runtimes)('on $name', runtime => runs(consumer(), name, runtime))
  })

  describe.each(available)('$kind', ({ kind, start, port }) => {
    const consumer = installedAsIn(kind)
    let address: string
    beforeAll(async () => {
      const registry = await start()
      address = registry.address
      return () => registry[Symbol.asyncDispose]()
    })

    const edit = (text: string): string => text.replace(`127.0.0.1:${port}`, address)
    test('as it says', () => runs(consumer(), kind, undefined, edit))
    test.each(runtimes)('on $name', runtime => runs(consumer(), kind, runtime, edit))
  })

  /** Runs the first commands of the README once, in a folder for all tests of its program. */
  function installedAsIn(name: string): () => Consumer {
    let consumer: Consumer
    beforeAll(async () => {
      consumer = await Consumer.empty()
      await consumer.run(['sh', '-ec', await block(`packages/${name}/README.md`, 'sh')])
      return () => consumer[Symbol.asyncDispose]()
    })
    return () => consumer
  }

  /** Replaces addresses by unused ones. Without a runtime, runs the program as its README says. */
  async function runs(
    consumer: Consumer,
    name: string,
    runtime?: Runtime,
    edit = (text: string) => text,
  ): Promise<void> {
    const readme = `packages/${name}/README.md`
    expect(await text(readme)).toContain('`npx tsx program.ts` prints `10 × 20 = 200`')
    const command = runtime === undefined ? ['npx', 'tsx'] : await runtime.command()
    const network = `{ interfaces: '127.0.0.1', port: ${multicastPort()} }`
    const local = (await block(readme, 'ts'))
      .replaceAll(/(new MDNS\w+)\(\)/g, `$1(${network})`)
      .replaceAll(':8972', `:${await freePort()}`)
    await consumer.write('program.ts', edit(local))
    expect(await consumer.run([...command, 'program.ts'])).toContain('10 × 20 = 200\n')
  }
})

test('core installs no other package', async () => {
  await using consumer = await Consumer.empty()
  await consumer.pnpm('add', '@rpcx/core')
  const [tree] = JSON.parse(await consumer.pnpm('list', '--json', '--depth', 'Infinity'))
  expect(Object.keys(tree.dependencies)).toEqual(['@rpcx/core'])
  expect(tree.dependencies['@rpcx/core'].dependencies).toBeUndefined()
  const [{ version } = { version: '' }] = inject('release').packages
  expect(tree.dependencies['@rpcx/core'].version).toBe(version)
})

/** Returns the nth block of code in that language. */
async function block(page: string, language: string, n = 0): Promise<string> {
  const blocks = [...(await text(page)).matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))]
  return blocks[n]?.[1] ?? ''
}

/** Returns a page of the release. */
function text(page: string): Promise<string> {
  return readFile(join(inject('release').folder, page), 'utf8')
}

/** A server registers, a client finds and calls it. */
async function callsOver(consumer: Consumer, ...registry: readonly string[]): Promise<void> {
  await using server = consumer.start('server.ts', '127.0.0.1:0', ...registry)
  const [, endpoint = ''] = await server.line(/listens at (.*)/)
  await using client = consumer.start('client.ts', ...registry)
  await client.line(new RegExp(`= 200, said ${endpoint}`))
  await server.kill('SIGTERM')
  expect(await server.exit()).toBe(0)
  await client.line(new RegExp(`^- ${endpoint}`))
}
