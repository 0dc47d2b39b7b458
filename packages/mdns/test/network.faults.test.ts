import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Happened, Line } from '@rpcx/testing'
import { atMost, median, type Program, until } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { Hosts, requireHosts } from './hosts.ts'

describe.runIf(await requireHosts())('On several hosts', () => {
  test('a server at 0.0.0.0 is listed with the address of its host', async () => {
    await using hosts = await Hosts.make(2)
    const { address } = await server(hosts, 1, { listen: '0.0.0.0:8972', metadata: 'n=1' })
    expect(address).toBe('tcp@0.0.0.0:8972')
    const client = hosts.program(2, 'client', { services: ['Arith'] })
    await shows(client, { [`tcp@${hosts.address(1)}:8972`]: 'n=1' })
    const own = hosts.program(1, 'client', { services: ['Arith'], interfaces: 'eth0' })
    await shows(own, { [`tcp@${hosts.address(1)}:8972`]: 'n=1' })
  })

  test('the registry works over IPv6 alone', async () => {
    await using hosts = await Hosts.make(2, 'ipv6')
    await server(hosts, 1, { listen: '[::]:8972', metadata: 'n=1' })
    const client = hosts.program(2, 'client', { services: ['Arith'], interfaces: 'eth0' })
    await shows(client, { [`tcp@[${hosts.address(1)}]:8972`]: 'n=1' })
  })

  test('a server that starts while its interface is down is listed when it is up', async () => {
    await using hosts = await Hosts.make(2)
    const client = hosts.program(2, 'client', { services: ['Arith'] })
    await shows(client, {})
    await hosts.down(1)
    const program = hosts.program(1, 'server', {
      services: ['Arith'],
      interfaces: 'eth0',
      listen: '0.0.0.0:8972',
      metadata: 'n=1',
    })
    const { what: down } = await program.events.until(({ event }) => event === 'registryDown')
    expect(down.error).toMatch(/^mdns: there is no interface named eth0 with multicast: .* Bring one up/)
    await hosts.up(1)
    const since = performance.now()
    const listed = await shows(client, entries(hosts, [1]))
    // The interface is looked up about every second, and probing takes about another second.
    atMost(3_500, 'interface up, listed', listed.at - since)
  })

  test('two servers with the same name, port and service are listed as two', async () => {
    await using hosts = await Hosts.make(3)
    await Promise.all(
      [1, 2].map(n => server(hosts, n, { listen: '0.0.0.0:8972', metadata: `n=${n}` }, 'same')),
    )
    const client = hosts.program(3, 'client', { services: ['Arith'] })
    await shows(client, entries(hosts, [1, 2]))
  })

  test('a goodbye removes a server within a second, and a failed call removes a crashed one within five', async () => {
    await using hosts = await Hosts.make(3)
    const [leaving, crashing] = await Promise.all(
      [1, 2].map(n => server(hosts, n, { listen: `${hosts.address(n)}:8972`, metadata: `n=${n}` })),
    )
    const client = hosts.program(3, 'client', { services: ['Arith'] })
    await shows(client, entries(hosts, [1, 2]))
    const closedAt = performance.now()
    leaving?.program.say('close')
    atMost(1_000, 'close(), gone', (await shows(client, entries(hosts, [2]))).at - closedAt)
    crashing?.program.signal('SIGKILL')
    const crashedAt = performance.now()
    client.say(`verify Arith tcp@${hosts.address(2)}:8972`)
    atMost(5_000, 'crashed, gone', (await shows(client, {})).at - crashedAt)
  })

  test('servers stay listed while an interface is down, and both sides are right within seconds after', async () => {
    await using hosts = await Hosts.make(3)
    let { program } = await server(hosts, 1, { listen: '0.0.0.0:8972', metadata: 'n=1' })
    const client = hosts.program(3, 'client', { services: ['Arith'], interfaces: 'eth0' })
    const took: number[] = []
    for (let n = 1; took.length < 6; n = 3 - n) {
      await shows(client, entries(hosts, [n]))
      const { mark } = client.events
      await hosts.down(3)
      await client.events.until(({ event }) => event === 'registryDown', mark)
      // Packets are missed meanwhile.
      program.say('close')
      await program.exit
      program = (await server(hosts, 3 - n, { listen: '0.0.0.0:8972', metadata: `n=${3 - n}` })).program
      expect(lists(client).at(-1)?.servers).toEqual(entries(hosts, [n]))
      await hosts.up(3)
      const since = performance.now()
      await client.events.until(({ event }) => event === 'registryBack', mark)
      took.push((await shows(client, entries(hosts, [3 - n]))).at - since)
    }
    atMost(3_000, 'interface up, list right (longest of 6)', Math.max(...took))
    await hosts.down(1)
    const late = hosts.program(2, 'client', { services: ['Arith'], interfaces: 'eth0' })
    await shows(late, {})
    await hosts.up(1)
    const since = performance.now()
    const listed = await shows(late, entries(hosts, [1]))
    atMost(3_000, 'interface of a server up, listed', listed.at - since)
  })

  test('with a fifth of all packets lost, each of 60 servers is listed within a second of its announcement', async () => {
    await using hosts = await Hosts.make(4)
    await hosts.lose(20)
    const services = Array.from({ length: 60 }, (_, i) => `Service${i}`)
    const client = hosts.program(4, 'client', { services })
    await client.events.until(() => lists(client).length === services.length)
    const took: number[] = []
    const come = async (n: number): Promise<void> => {
      const { program } = await server(hosts, n, { services: [`Host${n}`], listen: '0.0.0.0:8972' })
      for (const service of services.filter((_, i) => i % 3 === n - 1)) {
        program.say(`add ${service}`)
        const isAdded = (line: Line): boolean => line.event === 'added' && line.service === service
        const isListed = (line: Line): boolean =>
          line.service === service && Object.keys(line.servers ?? {}).length === 1
        const [added, listed] = await Promise.all([
          program.events.until(isAdded),
          client.events.until(isListed),
        ])
        took.push(Number(listed.what.at) - Number(added.what.at))
      }
    }
    await Promise.all([1, 2, 3].map(come))
    console.info(`median ${median(took)} ms`)
    atMost(1_000, 'announced, listed with 20 % lost (longest of 60)', Math.max(...took))
  })

  test('with a fifth of all packets lost, servers start, change, stop and crash, and the list is right', async () => {
    await using hosts = await Hosts.make(3)
    await hosts.lose(20)
    const client = hosts.program(3, 'client', { services: ['Arith'] })
    await shows(client, {})
    const took: number[] = []
    for (let turn = 0; turn < 5; turn++) {
      const { program, at } = await server(hosts, 1, { listen: '0.0.0.0:8972', metadata: `n=${turn}` })
      const listed = await shows(client, { [`tcp@${hosts.address(1)}:8972`]: `n=${turn}` })
      took.push(listed.at - at)
      program.say(`set m=${turn}`)
      await shows(client, { [`tcp@${hosts.address(1)}:8972`]: `m=${turn}` })
      if (turn % 2 === 0) program.say('close')
      else program.signal('SIGKILL')
      await program.exit
      if (turn % 2 !== 0) client.say(`verify Arith tcp@${hosts.address(1)}:8972`)
      await shows(client, {})
    }
    atMost(1_000, 'published, listed with 20 % lost (longest of 5)', Math.max(...took))
  })

  test.each(['of different names', 'of one name'])(
    '300 instances on three hosts %s are all found, also with a fifth of all packets lost',
    async _names => {
      await using hosts = await Hosts.make(4)
      const services = Array.from({ length: 100 }, (_, i) => `Service${i}`)
      await Promise.all(
        [1, 2, 3].map(n => server(hosts, n, { services, listen: '0.0.0.0:8972', metadata: `n=${n}` })),
      )
      const all = (client: Program): boolean =>
        services.every(service => {
          const last = lists(client).findLast(line => line.service === service)
          return isDeepStrictEqual(last?.servers, entries(hosts, [1, 2, 3]))
        })
      const found = async (): Promise<number> => {
        const client = hosts.program(4, 'client', { services })
        const { at } = await client.events.until(({ event }) => event === 'list')
        await until(() => all(client), 100_000)
        const took = performance.now() - at
        await client.close()
        return took
      }
      atMost(1_000, 'first list, all 300 listed', await found())
      await hosts.lose(20)
      atMost(31_000, 'first list, all 300 listed with 20 % lost', await found())
    },
  )

  test('once the list is stable, no host asks more than once a minute', async () => {
    await using hosts = await Hosts.make(2)
    await server(hosts, 1, { listen: '0.0.0.0:8972', metadata: 'n=1' })
    const client = hosts.program(2, 'client', { services: ['Arith'], interfaces: 'eth0' })
    await shows(client, entries(hosts, [1]))
    // Questions after 1, 3, 7, 15, 31, 63 s; then every minute.
    await sleep(65_000)
    const sent = await hosts.count(2)
    await sleep(180_000)
    const questions = await sent()
    // Over IPv4 and IPv6.
    console.info(`${questions} packets in three minutes, over two families`)
    expect(questions).toBeLessThanOrEqual(2 * 3)
    expect(lists(client)).toHaveLength(1)
  }, 300_000)
})

interface Listening {
  readonly program: Program
  readonly address: string
  /** The time at which it was published. */
  readonly at: number
}

async function server(hosts: Hosts, n: number, settings: object, hostname?: string): Promise<Listening> {
  const program = hosts.program(n, 'server', { services: ['Arith'], ...settings }, hostname)
  const { what, at } = await program.events.until(({ event }) => event === 'published')
  return { program, address: String(what.address), at }
}

function entries(hosts: Hosts, numbers: readonly number[]): Record<string, string> {
  return Object.fromEntries(numbers.map(n => [`tcp@${hosts.address(n)}:8972`, `n=${n}`]))
}

function lists(client: Program): readonly Line[] {
  return client.events.all.filter(({ event }) => event === 'list')
}

/** Waits until the newest list of `Arith` is exactly this. */
async function shows(client: Program, servers: Record<string, string>): Promise<Happened<Line>> {
  const isSo = (line: Line): boolean =>
    line.event === 'list' && line === lists(client).at(-1) && isDeepStrictEqual(line.servers, servers)
  return client.events.until(isSo, 0, 30_000)
}
