import { Server } from '@rpcx/core'
import { expect, test } from 'vitest'
import { MDNSDiscovery, MDNSRegisterPlugin } from '../src/index.ts'
import { Harness } from './harness.ts'

test.each([0, 1.5, 65_536, Number.NaN])('a port of %d is rejected at once', port => {
  expect(() => new MDNSDiscovery({ port })).toThrow(
    new RangeError(`mdns: port is ${port}, not an integer from 1 to 65535`),
  )
})

test.each([[''], [['eth0', '']], [[7 as never]]])('interfaces of %j are rejected at once', interfaces => {
  expect(() => new MDNSRegisterPlugin({ interfaces })).toThrow(
    /^mdns: interfaces is .*, not one or more names/,
  )
})

test('an unknown interface is an error with its name, the existing ones, and what to do', async () => {
  await using harness = new Harness()
  const discovery = harness.discovery({ interfaces: 'nowhere0' })
  await expect(discovery.list('Arith', { timeoutMs: 500 })).rejects.toMatchObject({
    code: 'ERR_RPCX_REGISTRY',
    cause: {
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringMatching(
        /^mdns: there is no interface named nowhere0 with multicast: those that are up: .*127\.0\.0\.1.*`interfaces`/,
      ),
    },
  })
})

test('a server with an unknown interface serves calls all the same', async () => {
  await using harness = new Harness()
  const server = harness.open(new Server({ startTimeoutMs: 200 }))
  server.plugins.add(harness.plugin({ interfaces: 'nowhere0' }))
  server.registerName('Arith', { Echo: (value: unknown) => value })
  const down = new Promise(resolve => server.on('registryDown', resolve))
  await server.serve('tcp', '127.0.0.1:0')
  expect(await down).toMatchObject({ registry: 'mdns' })
})

test('metadata that are too long for a packet are rejected when the service is registered', () => {
  const server = new Server()
  server.plugins.add(new MDNSRegisterPlugin())
  expect(() => server.registerName('Arith', { Echo: () => 1 }, 'x'.repeat(701))).toThrow(
    new RangeError('mdns: the metadata of Arith have 701 bytes, more than the 700 that fit a packet'),
  )
})

test.each([MDNSDiscovery, MDNSRegisterPlugin])(
  'a misspelt option is rejected at once, and options of the other class are not: %o',
  make => {
    expect(() => new make({ interface: '' } as never)).toThrow(
      new TypeError(`${make.name}: there is no option interface; did you mean interfaces?`),
    )
    expect(() => new make(5 as never)).toThrow(`${make.name}: the options are 5, not an object`)
    expect(() => new make({ resyncMs: 5_000, updateIntervalMs: 0 } as never)).not.toThrow()
  },
)
