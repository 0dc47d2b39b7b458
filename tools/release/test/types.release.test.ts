import { beforeAll, inject, test } from 'vitest'
import { Consumer } from './consumer.ts'

const names = inject('release').packages.map(({ name }) => name)
// The strict settings of a new project, without any that hide errors.
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  types: ['node'],
}

let consumer: Consumer
beforeAll(async () => {
  consumer = await Consumer.empty()
  await consumer.write('package.json', '{ "type": "module" }')
  await consumer.pnpm('add', ...names, 'typescript@5.9.3', '@types/node@20')
  await consumer.write('program.ts', program)
  await consumer.write('program.cts', program)
  await consumer.write('common.cts', common)
  return () => consumer[Symbol.asyncDispose]()
})

test.each([
  { name: 'node10', options: { module: 'commonjs' }, files: ['program.ts'] },
  { name: 'node16', options: { module: 'node16' }, files: ['program.ts', 'program.cts', 'common.cts'] },
  { name: 'nodenext', options: { module: 'nodenext' }, files: ['program.ts', 'program.cts', 'common.cts'] },
  { name: 'bundler', options: { module: 'esnext' }, files: ['program.ts'] },
])(
  'types check with $name, including those of libraries, from es2020 on',
  async ({ name, options, files }) => {
    const moduleResolution = name
    for (const lib of ['es2020', 'es2022']) {
      const compilerOptions = { ...strict, ...options, moduleResolution, target: lib, lib: [lib] }
      await consumer.write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
      await consumer.node('node_modules/typescript/bin/tsc')
    }
  },
)

const program = `
${names.map((name, i) => `import * as package${i} from '${name}'`).join('\n')}
import { Server, XClient, isRpcxError } from '@rpcx/core'
import { EtcdDiscovery, EtcdRegisterPlugin } from '@rpcx/etcd'

export const all = [${names.map((_name, i) => `package${i}`)}]

class Arith {
  Mul({ A, B }: { A: number; B: number }): { C: number } {
    return { C: A * B }
  }
}

const options = { etcdServers: '127.0.0.1:2379', basePath: '/rpcx_test' }
const server = new Server()
server.plugins.add(new EtcdRegisterPlugin(options))
server.registerName('Arith', new Arith())

export const arith = new XClient<Arith>('Arith', new EtcdDiscovery(options))
export const product: Promise<{ C: number }> = arith.call('Mul', { A: 10, B: 20 })
// @ts-expect-error: Arith has no such method
arith.call('Add', { A: 10, B: 20 })
product.catch(error => isRpcxError(error, 'ERR_RPCX_NO_ENDPOINT'))
`

const common = `
import core = require('@rpcx/core')
import etcd = require('@rpcx/etcd')
export = { server: new core.Server(), Plugin: etcd.EtcdRegisterPlugin }
`
