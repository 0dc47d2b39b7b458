import { duplexPair } from 'node:stream'
import type { CallContext, ServerOptions, Transport, XClientOptions } from '@rpcx/core'
import { Clock, MultipleServersDiscovery, RegistryDiscovery, Server, systemClock, XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../../tools/testing/src/manual-clock.ts'
import { memory } from '../src/transport/memory.ts'
import { ScriptedDriver } from './discovery/scripted-driver.ts'
import { Gate } from './gate.ts'
import { clientOf, closing, failure } from './helpers.ts'

// The timed behaviour of servers, clients and discoveries on a manual clock: it happens at its time, and not before.

interface Slow {
  hi(): string
  wait(): string
  context(): string
}

/** The running calls of `Slow.wait` and `Slow.context`. */
class SlowService {
  readonly contexts: CallContext[] = []
  readonly arrived = new Gate()

  hi = (): string => 'hi'
  wait = (): Promise<string> => {
    this.arrived.open()
    return new Promise(() => {})
  }
  context = (_args: unknown, context: CallContext): Promise<string> => {
    this.contexts.push(context)
    return new Promise(() => {})
  }
}

/** Starts a server and a client in memory, with one clock. */
async function pair(
  clock: Clock,
  { server: serverOptions = {}, client: clientOptions = {} }: PairOptions = {},
): Promise<{ server: Server; client: XClient<Slow>; service: SlowService }> {
  const server = new Server({ clock, ...serverOptions })
  const service = new SlowService()
  const { hi, wait, context } = service
  server.registerName('Slow', { hi, wait, context })
  await server.serve('memu', `by hand ${++made}`)
  const discovery = closing(new MultipleServersDiscovery([{ key: server.address as string }], { clock }))
  const client = new XClient<Slow>('Slow', discovery, { clock, ...clientOptions })
  return { server, client, service }
}

let made = 0

interface PairOptions {
  readonly server?: ServerOptions
  readonly client?: XClientOptions
}

/** Returns whether and how a promise has settled. */
function watched<T>(promise: Promise<T>): { readonly state: string; readonly error: Error | undefined } {
  const seen = { state: 'pending', error: undefined as Error | undefined }
  promise.then(
    () => (seen.state = 'resolved'),
    (error: Error) => Object.assign(seen, { state: 'rejected', error }),
  )
  return seen
}

describe('with a clock that the test controls', () => {
  test('a call fails at its deadline, and its method is aborted at the same time', async () => {
    const clock = new ManualClock()
    const { server, client, service } = await pair(clock)
    expect(await client.call('hi')).toBe('hi')
    const call = watched(client.call('context', undefined, { timeoutMs: 3_000 }))
    await clock.advance(0)
    const [context] = service.contexts as [CallContext]
    expect(context.remainingMs).toBe(3_000)
    expect(context.deadline).toBe(clock.wallTime() + 3_000)
    expect(context.signal.aborted).toBe(false)
    await clock.advance(2_999)
    expect([call.state, context.signal.aborted, context.remainingMs]).toEqual(['pending', false, 1])
    await clock.advance(1)
    expect(context.signal.aborted).toBe(true)
    await clock.advance(1)
    expect(call.error).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    await Promise.all([client.close(), server.close({ drainMs: 0 }), clock.advance(10_000)])
  })

  test('a server that stops responding gets a heartbeat, and is disconnected when it does not respond', async () => {
    const clock = new ManualClock()
    let sent = 0
    const hole: Transport = {
      networks: ['hole'],
      connect: async () => {
        const [ours, theirs] = duplexPair()
        theirs.on('data', () => sent++)
        return ours
      },
      listen: () => Promise.reject(new Error('nobody listens')),
    }
    const client = clientOf<Slow>('Slow', [{ address: 'hole@there' }], {
      clock,
      transports: [hole],
      timeoutMs: 0,
      heartbeatMs: 10_000,
      heartbeatTimeoutMs: 10_000,
    })
    const call = watched(client.call('hi'))
    await clock.advance(9_999)
    expect(sent).toBe(1)
    await clock.advance(1)
    expect(sent).toBe(2)
    await clock.advance(9_999)
    expect(call.state).toBe('pending')
    await clock.advance(1)
    expect(call.error).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
  })

  test('a server that refuses connections is ejected, dialled again after its back-off, and restored', async () => {
    const seeds = [1, 1, 2]
    const told: number[][] = []
    for (const seed of seeds) {
      const clock = new ManualClock(seed)
      const { server, client: other } = await pair(clock)
      const dials: number[] = []
      let isUp = false
      const refusing: Transport = {
        networks: ['refusing'],
        connect: (_network, host, signal) => {
          dials.push(clock.now())
          return isUp ? memory.connect('memu', host, signal) : Promise.reject(new Error('refused'))
        },
        listen: () => Promise.reject(new Error('nobody listens')),
      }
      const client = clientOf<Slow>(
        'Slow',
        [{ address: `refusing@${server.address?.slice('memu@'.length)}` }],
        {
          clock,
          transports: [refusing],
          failMode: 'failover',
          retries: 0,
        },
      )
      const outs: number[] = []
      const restored = new Gate()
      client.on('ejected', ({ forMs }) => outs.push(forMs))
      client.on('restored', () => restored.open())
      const since = clock.now()
      expect(await failure(client.call('hi'))).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
      const [forMs = 0] = outs
      expect(forMs).toBeGreaterThanOrEqual(50)
      expect(forMs).toBeLessThanOrEqual(100)
      await clock.advance(forMs - 0.01)
      expect(dials).toEqual([since])
      await clock.advance(0.01)
      expect(dials).toEqual([since, since + forMs])
      isUp = true
      await clock.advance(1_000)
      await restored.opened
      expect(await client.call('hi')).toBe('hi')
      await Promise.all([client.close(), other.close(), server.close(), clock.advance(10_000)])
      told.push(dials)
    }
    // The same seed gives the same random numbers.
    expect(told[0]).toEqual(told[1])
    expect(told[0]).not.toEqual(told[2])
  })

  test('a registry that is down is asked again after a back-off with jitter', async () => {
    const clock = new ManualClock()
    const driver = new ScriptedDriver()
    const opens: number[] = []
    driver.opening = () => {
      opens.push(clock.now())
      return Promise.reject(new Error('down'))
    }
    const discovery = closing(new RegistryDiscovery(driver, { clock }))
    discovery.watch('Slow')
    await clock.advance(600_000)
    const [first = 0, ...others] = opens.slice(1).map((at, i) => at - (opens[i] as number))
    expect(first).toBeLessThanOrEqual(252)
    expect(Math.min(...others)).toBeGreaterThanOrEqual(1_000)
    expect(Math.max(...others)).toBeLessThanOrEqual(1_252)
    // With jitter, so that many discoveries do not come at the same time.
    expect(new Set(others).size).toBeGreaterThan(others.length / 2)
  })

  test('a service that nobody asks for is followed for a minute, and no longer', async () => {
    const clock = new ManualClock()
    const driver = new ScriptedDriver()
    const discovery = closing(new RegistryDiscovery(driver, { clock }))
    discovery.watch('Slow')
    const { signal } = await driver.watch(0)
    await clock.advance(59_999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.aborted).toBe(true)
  })

  test('a closing server waits for calls as long as it may, then disconnects them', async () => {
    const clock = new ManualClock()
    const { server, client, service } = await pair(clock, { server: { drainMs: 5_000, lingerMs: 1_000 } })
    const call = watched(client.call('wait', undefined, { timeoutMs: 0 }))
    await service.arrived.opened
    const closed = watched(server.close())
    await clock.advance(5_999)
    expect([closed.state, call.state]).toEqual(['pending', 'pending'])
    await clock.advance(1)
    expect([closed.state, call.state]).toEqual(['resolved', 'rejected'])
    await client.close()
  })

  test('a connection without calls is closed when nothing came for its idle time', async () => {
    const clock = new ManualClock()
    const { server, client } = await pair(clock, {
      server: { idleTimeoutMs: 300_000, frameTimeoutMs: 0 },
      client: { heartbeatMs: 0 },
    })
    const gone: number[] = []
    server.on('connectionClosed', () => gone.push(clock.now()))
    const since = clock.now()
    expect(await client.call('hi')).toBe('hi')
    await clock.advance(299_999)
    expect(gone).toEqual([])
    await clock.advance(1)
    expect(gone).toEqual([since + 300_000])
    await Promise.all([client.close(), server.close(), clock.advance(10_000)])
  })

  test('a rate limit issues tokens as time passes', async () => {
    const clock = new ManualClock()
    const { server, client } = await pair(clock, {
      server: { rateLimit: { callsPerSecond: 1, burst: 1, by: () => 'all' } },
    })
    expect(await client.call('hi')).toBe('hi')
    await clock.advance(999)
    expect(await failure(client.call('hi'))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
    await clock.advance(1_000)
    expect(await client.call('hi')).toBe('hi')
    await Promise.all([client.close(), server.close(), clock.advance(10_000)])
  })

  test('no timer is left when everything is closed', async () => {
    const clock = new ManualClock()
    const { server, client } = await pair(clock)
    expect(await client.call('hi')).toBe('hi')
    const closed = Promise.all([client.close(), server.close()])
    await clock.advance(60_000)
    await closed
    expect(clock.waiting).toBe(0)
  })

  test('random identifiers come from the clock too: the same seed gives the same ones', () => {
    const [first, again, other] = [1, 1, 2].map(seed => new Server({ clock: new ManualClock(seed) }).id)
    expect(first).toBe(again)
    expect(first).not.toBe(other)
    expect(first).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-a[\da-f]{3}-[\da-f]{12}$/)
  })
})

describe('a clock', () => {
  test('runs timers in order, each at its time', async () => {
    const clock = new ManualClock()
    const start = clock.now()
    const told: string[] = []
    const tell = (what: string) => () => told.push(`${what} ${clock.now() - start}`)
    clock.setTimeout(tell('third'), 30)
    clock.setTimeout(tell('first'), 10)
    clock.setTimeout(tell('second'), 10)
    const every = clock.setInterval(tell('every'), 12)
    const never = clock.setTimeout(tell('never'), 20)
    clock.clear(never)
    clock.setTimeout(() => clock.clear(every), 25)
    await clock.advance(40)
    expect(told).toEqual(['first 10', 'second 10', 'every 12', 'every 24', 'third 30'])
  })

  test.each([{}, null, 'now', { now: () => 0 }])('that is not a clock is rejected: %j', clock => {
    const options = { clock: clock as never }
    const makers = {
      Server: () => new Server(options),
      XClient: () => new XClient('Slow', new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1' }]), options),
      'scripted discovery': () => new RegistryDiscovery(new ScriptedDriver(), options),
    }
    for (const [who, make] of Object.entries(makers))
      expect(make).toThrow(`${who}: clock is no Clock; pass an object of a class that extends Clock`)
  })

  test('of Node itself sleeps, and wakes when its signal aborts', async () => {
    expect(systemClock).toBeInstanceOf(Clock)
    const aborting = new AbortController()
    const slept = systemClock.sleep(3_600_000, aborting.signal)
    aborting.abort()
    await slept
    await systemClock.sleep(1)
  })
})
