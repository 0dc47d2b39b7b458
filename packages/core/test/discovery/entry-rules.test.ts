import { MultipleServersDiscovery, Peer2PeerDiscovery, RegistryDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { checkEntry, EntryRules, TCP_NETWORKS } from '../../src/discovery/entry-rules.ts'
import { ServiceReplica } from '../../src/discovery/replica.ts'
import { Transports } from '../../src/transport/transports.ts'
import { ScriptedDriver } from './scripted-driver.ts'

const rules = new EntryRules(TCP_NETWORKS)
const refused = (message: RegExp | string): unknown =>
  expect.objectContaining({ code: 'ERR_RPCX_ADDRESS', message: expect.stringMatching(message) })
const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const CONTROLS = ['\0', '\n', '\r', '\t', '\x1b[2J', '\x7f', '\x85', '\u2028', '\u202e', '\ud800']

describe('an entry of a registry on a network', () => {
  test.each(['tcp@10.0.0.7:8972', 'tcp4@h:1', 'tcp6@[::1]:65535', '10.0.0.7:8972', 'tcp@:8972'])(
    'is listed if it is TCP: %s',
    address => expect(rules.read(address, 'weight=2').address).toBe(address),
  )

  test.each(['unix@/run/docker.sock', 'memu@abc', 'smtp@mail.example'])(
    'is ignored if it is of another network, with a reason that says what to do: %s',
    address => {
      expect(() => rules.read(address, '')).toThrow(
        refused(/only tcp, tcp4, tcp6 are listed; .*option networks/),
      )
    },
  )

  test.each(['http', 'ws', 'wss', 'quic', 'kcp', 'reuseport'])(
    'is ignored if no transport supports its network: %s',
    network => {
      expect(() => rules.read(`${network}@10.0.0.7:8972`, '')).toThrow(
        refused(/does not speak it; register an address of the network tcp/),
      )
      expect(() => new Transports('test').of(network)).toThrow('no transport')
    },
  )

  test('is listed if an option allows its network', () => {
    const allowed = new EntryRules(['unix', 'tcp', 'quic'])
    for (const address of ['unix@/run/a.sock', 'tcp@h:1', 'quic@h:1']) {
      expect(allowed.read(address, '').address).toBe(address)
    }
  })

  test.each(CONTROLS)('is ignored if its address has a control character: %j', control => {
    for (const address of [`tcp@h${control}:1`, `tcp@h:1${control}`, `tc${control}p@h:1`]) {
      expect(() => rules.read(address, '')).toThrow(refused(/control character/))
    }
    try {
      rules.read(`tcp@${control}:1`, '')
      expect.unreachable()
    } catch (error) {
      expect((error as Error).message).toMatch(/^[ -~]+$/)
    }
  })

  test.each(['tcp@a b:1', 'tcp@user@host:1', 'tcp@a/b:1', 'tcp@h:0', 'tcp@h:65536', 'tcp@h'])(
    'is ignored if nobody can connect to it: %s',
    address => expect(() => rules.read(address, '')).toThrow(refused(/^address: /)),
  )

  test('is ignored if it is too long, with a short error', () => {
    for (const [address, metadata] of [
      [`tcp@${'h'.repeat(2 ** 20)}:1`, ''],
      ['tcp@h:1', 'a'.repeat(2 ** 20 + 1)],
    ] as const) {
      try {
        rules.read(address, metadata)
        expect.unreachable()
      } catch (error) {
        expect(error).toEqual(refused(/characters, more than/))
        expect((error as Error).message.length).toBeLessThan(400)
      }
    }
  })

  test('is reported as ignored for 1000 addresses at most, and no more are remembered', async () => {
    const told: string[] = []
    const replica = replicaOf(told)
    for (let n = 0; n < 5_000; n++) replica.put(`unix@/run/${n}.sock`, '')
    for (let n = 0; n < 5_000; n++) replica.put(`unix@/run/${n}.sock`, 'again')
    expect(told).toHaveLength(1_000)
    expect(new Set(told).size).toBe(1_000)
  })

  test('counts towards a limit of memory, however many entries there are', () => {
    const told: string[] = []
    const added: string[] = []
    const replica = replicaOf(told, added)
    const metadata = `n=${'x'.repeat(2 ** 20 - 2)}`
    for (let n = 1; n <= 100; n++) replica.put(`tcp@h:${n}`, metadata)
    expect(added.length).toBeGreaterThan(50)
    expect(added.length + told.length).toBe(100)
    expect(told.length).toBeGreaterThan(30)
    // Removed entries make room for others.
    replica.remove('tcp@h:1')
    replica.put('tcp@h:1000', metadata)
    expect(added.at(-1)).toBe('tcp@h:1000')
  })

  test('is removed from the list when an edit makes it invalid', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver)
    const ignored: string[] = []
    discovery.on('entryIgnored', ({ address }) => ignored.push(address))
    const listing = discovery.list('Arith')
    const { into } = await driver.watch(0)
    into.replace([['tcp@h:1', 'n=1']])
    expect(await listing).toHaveLength(1)
    into.put('tcp@h:1', 'x'.repeat(2 ** 21))
    await tick()
    expect(await discovery.list('Arith')).toEqual([])
    expect(ignored).toEqual(['tcp@h:1'])
    await discovery.close()
  })
})

describe('a service with a name that nobody can have registered', () => {
  test.each(['', 'a\nb', 'x'.repeat(1_025)])(
    'has no servers, and the registry is not asked: %j',
    async name => {
      const driver = new ScriptedDriver()
      const discovery = new RegistryDiscovery(driver)
      expect(await discovery.list(name)).toEqual([])
      expect(driver.opened).toBe(0)
      await discovery.close()
    },
  )
})

describe('an address that the program itself gives', () => {
  test('may be of any network, but must have no control characters', async () => {
    for (const address of ['unix@/run/docker.sock', 'memu@x', 'tcp@h:1']) {
      const [endpoint] = await new Peer2PeerDiscovery(address).list('Arith')
      expect(endpoint?.address).toBe(address)
    }
    for (const control of CONTROLS) {
      const address = `unix@/run/a${control}.sock`
      expect(() => new Peer2PeerDiscovery(address)).toThrow(refused(/control character/))
      expect(() => new MultipleServersDiscovery([{ key: address }])).toThrow(refused(/control character/))
    }
  })
})

describe('an entry to be registered', () => {
  const entry = { service: 'Arith', address: 'tcp@h:1', metadata: '' }

  test.each(['', '.', '..', ...CONTROLS.map(control => `a${control}b`)])(
    'is rejected if no registry can store the name of its service: %j',
    service => expect(() => checkEntry('etcd', { ...entry, service })).toThrow(TypeError),
  )

  test('is rejected if its address has control characters, or if anything is too long', () => {
    expect(() => checkEntry('etcd', { ...entry, address: 'tcp@h:1\n' })).toThrow(TypeError)
    for (const bad of [
      { service: 'x'.repeat(1_025) },
      { address: `tcp@${'h'.repeat(512)}:1` },
      { metadata: 'x'.repeat(2 ** 20 + 1) },
    ]) {
      expect(() => checkEntry('etcd', { ...entry, ...bad })).toThrow(RangeError)
    }
  })

  test('is accepted otherwise, also before its address is known', () => {
    for (const good of [entry, { ...entry, address: '' }, { ...entry, service: '服务 a/b' }]) {
      expect(() => checkEntry('etcd', good)).not.toThrow()
    }
  })
})

test.each([[[]], ['tcp'], [['']], [['a b']], [['t@cp']]])('the option networks is checked: %j', networks => {
  const make = (): unknown => new RegistryDiscovery(new ScriptedDriver(), { networks: networks as string[] })
  expect(make).toThrow(/^scripted discovery: networks is /)
  expect(make).toThrow(TypeError)
})

function replicaOf(told: string[], added: string[] = []): ServiceReplica {
  return new ServiceReplica(
    systemClock,
    {
      published() {},
      added: ({ address }) => added.push(address),
      changed() {},
      removed() {},
      ignored: address => told.push(address),
      unreadable() {},
    },
    rules,
  )
}
