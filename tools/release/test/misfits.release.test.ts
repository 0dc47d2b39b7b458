import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { run } from '../src/run.ts'
import { Consumer } from './consumer.ts'

const [{ version: released } = { version: '' }] = inject('release').packages
const [major = 0, minor = 0] = released.split('.').map(Number)
const older = '0.0.0'
const next = `${major + 1}.0.0`

describe('an incompatible core', () => {
  test.each([older, next])('%s is rejected by npm, which names the compatible versions', async version => {
    await using consumer = await Consumer.empty()
    const core = await coreOf(consumer, version)
    const error = await failure(consumer.npm('install', core, '@rpcx/etcd'))
    expect(error).toContain('ERESOLVE')
    expect(error).toContain(`peer @rpcx/core@">=${released} <${major + 1}" from @rpcx/etcd@${released}`)
  })

  test('causes a warning of pnpm', async () => {
    await using consumer = await Consumer.empty()
    const core = await coreOf(consumer, next)
    const said = await consumer.pnpm('add', core, '@rpcx/etcd')
    expect(said).toContain(`unmet peer @rpcx/core@">=${released} <${major + 1}": found ${next}`)
  })

  test.each([older, next])('%s is rejected when a backend is imported, with what to do', async version => {
    await using consumer = await Consumer.empty()
    const core = await coreOf(consumer, version, text => text.replace(/^ {2}RegistryDiscovery,\n/m, ''))
    await consumer.npm('install', '--force', core, '@rpcx/etcd')
    const error = await failure(consumer.node('--input-type=module', '--eval', "await import('@rpcx/etcd')"))
    expect(error).toContain(
      `RangeError: @rpcx/etcd ${released} needs @rpcx/core from ${released} on, below ${major + 1}; this is ${version}, in `,
    )
    expect(error).toContain('/node_modules/@rpcx/core/: install all @rpcx packages in one version')
  })
})

describe('from CommonJS', () => {
  test.each(['20.19.0', '22.12.0', '24.21.0'])('require() works on Node %s', async node => {
    await using consumer = await Consumer.empty(node)
    await consumer.pnpm('add', '@rpcx/core', '@rpcx/etcd')
    await consumer.write(
      'program.cjs',
      `const { Server, XClient } = require('@rpcx/core')
      const { EtcdRegisterPlugin } = require('@rpcx/etcd')
      console.log(typeof Server, typeof XClient, typeof EtcdRegisterPlugin)`,
    )
    expect(await consumer.node('program.cjs')).toBe('function function function\n')
  })

  test('require() works on a Node without require(esm)', async () => {
    await using consumer = await Consumer.empty('22.11.0')
    await consumer.pnpm('add', '@rpcx/core')
    expect(await consumer.node('--print', "typeof require('@rpcx/core').Server")).toBe('function\n')
  })
})

describe('two copies of core in one tree', () => {
  let consumer: Consumer
  const patch = `${major}.${minor}.1`

  beforeAll(async () => {
    consumer = await Consumer.empty()
    await consumer.write('package.json', '{ "type": "module" }')
    await consumer.pnpm(
      'add',
      '@rpcx/core',
      '@rpcx/inprocess',
      `other-core@file:${await coreOf(consumer, patch)}`,
    )
    return () => consumer[Symbol.asyncDispose]()
  })

  test('are reported, with their versions and paths, in one warning', async () => {
    await consumer.write(
      'warning.js',
      `process.on('warning', ({ name, code, message }) => console.log(JSON.stringify({ name, code, message })))
      await import('@rpcx/core')
      await import('other-core')`,
    )
    const lines = (await consumer.node('warning.js')).trim().split('\n')
    expect(lines).toHaveLength(1)
    const { name, code, message } = JSON.parse(lines[0] ?? '')
    expect({ name, code }).toEqual({ name: 'RpcxWarning', code: 'RPCX_CORE_COPIES' })
    expect(message).toMatch(
      new RegExp(
        `@rpcx/core is here 2 times: ${released} in /.*/@rpcx/core/, ${patch} in /.*/core/\\. .*dedupe`,
      ),
    )
  })

  test('have the same types', async () => {
    await consumer.pnpm('add', 'typescript@5.9.3', '@types/node@20')
    await consumer.write(
      'types.ts',
      `import { Server, XClient } from '@rpcx/core'
      import type { Interceptor, RegisterPlugin, RegistryDiscovery, ServerPlugin } from 'other-core'

      export function mix(plugins: [RegisterPlugin, ServerPlugin], discovery: RegistryDiscovery, interceptor: Interceptor) {
        const server = new Server()
        for (const plugin of plugins) server.plugins.add(plugin)
        return new XClient('Arith', discovery, { interceptors: [interceptor] })
      }`,
    )
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
    await consumer.node('node_modules/typescript/bin/tsc', ...options, 'types.ts')
  })

  test('work together: plugins, discoveries, errors, values, and calls inside the process', async () => {
    await consumer.write('program.js', bothCopies)
    expect(JSON.parse(await consumer.node('program.js'))).toEqual({
      areTwo: true,
      product: 200,
      bytes: true,
      refused: 'ERR_RPCX_AUTH',
      isKnown: true,
    })
  })
})

/** Server and plugin use one copy of core. The client, the values, the errors and another plugin use the other. */
const bothCopies = `
import { Server, isRpcxError } from '@rpcx/core'
import { Ext, Float32, RpcxError, XClient } from 'other-core'
import { InprocessDiscovery, inprocessClient } from '@rpcx/inprocess'

const server = new Server()
server.plugins.add(inprocessClient)
server.plugins.add({
  attach: () => ({
    afterRead({ method }) {
      if (method === 'Secret') throw new RpcxError('ERR_RPCX_AUTH', 'not for you')
    },
  }),
})
server.registerName('Arith', {
  Mul: ({ A, B }) => ({ C: A * B }),
  Secret: () => 1,
  Values: () => ({ half: new Float32(0.5), own: new Ext(7, new Uint8Array([1, 2])) }),
})
await server.serve('tcp', '127.0.0.1:0')

const discovery = new InprocessDiscovery()
const arith = new XClient('Arith', discovery)
const { C: product } = await arith.call('Mul', { A: 10, B: 20 })
const { half, own } = await arith.call('Values', {})
const error = await arith.call('Secret', {}).catch(error => error)
console.log(JSON.stringify({
  areTwo: Server !== (await import('other-core')).Server,
  product,
  bytes: half === 0.5 && own instanceof Ext && own.type === 7,
  refused: error.code,
  isKnown: isRpcxError(error),
}))
await arith.close()
await discovery.close()
await server.close()
`

/** Resolves to a tarball of the released core with another version. */
async function coreOf(consumer: Consumer, version: string, edit = (text: string) => text): Promise<string> {
  const cwd = join(consumer.folder, `core-${version}`)
  await mkdir(cwd)
  const tarball = await fetch(new URL(`@rpcx/core/-/core-${released}.tgz`, inject('registry').url))
  await writeFile(join(cwd, 'released.tgz'), Buffer.from(await tarball.arrayBuffer()))
  await run(['tar', '-xzf', 'released.tgz'], { cwd })
  for (const name of ['package.json', 'dist/index.js']) {
    const file = join(cwd, 'package', name)
    const text = await readFile(file, 'utf8')
    await writeFile(file, edit(text.replace(`"${released}"`, `"${version}"`)))
  }
  await run(['tar', '-czf', `../core-${version}.tgz`, 'package'], { cwd })
  return `./core-${version}.tgz`
}

async function failure(running: Promise<string>): Promise<string> {
  return running.then(
    said => `it did not fail: ${said}`,
    error => String(error),
  )
}
