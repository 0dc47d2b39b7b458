import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { eventsOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { addUsers, auth, logIns } from './users.ts'

describe.runIf(await requireServer('etcd'))('An etcd with JWTs as tokens', () => {
  let folder: string
  let etcd: Server
  let harness: Harness
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rpcx-jwt-'))
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    const [pub, priv] = [join(folder, 'public.pem'), join(folder, 'private.pem')]
    await writeFile(pub, publicKey)
    await writeFile(priv, privateKey, { mode: 0o600 })
    const token = `jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=${TOKEN_S}s`
    etcd = await startEtcd({ args: [`--auth-token=${token}`] })
    harness = new Harness(etcd)
    await addUsers(harness)
  })
  beforeEach(() => harness.gateway.logIn('root', 'open'))
  afterAll(async () => {
    await harness[Symbol.asyncDispose]()
    await etcd.stop()
    await rm(folder, { recursive: true })
  })

  test('gets a new login each time a token expires, without an event', async () => {
    const { gateway } = harness
    await using proxy = await harness.proxy()
    const options = { auth, etcdServers: proxy.address }
    const { server, address, events } = await harness.published('Arith', { ...options, metadata: 'n=1' })
    const discovery = harness.discovery(options)
    const discoveryEvents = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    const key = harness.key('Arith', address)
    await gateway.logIn('root', 'open')
    const before = await gateway.get(key)
    const [attempts, past] = [proxy.attempts, tokensPast()]
    // Only keep-alives, each with the current token.
    await until(() => tokensPast() >= past + 2, 30_000)
    for (let n = 2; n <= 4; n++) {
      const now = tokensPast()
      await until(() => tokensPast() > now, 30_000)
      await server.setMetadata('Arith', `n=${n}`)
      await view.shows({ [address]: `n=${n}` })
    }
    await gateway.logIn('root', 'open')
    expect(await gateway.get(key)).toMatchObject({ value: 'n=4', lease: before?.lease })
    expect(events.all.map(({ event }) => event)).toEqual(['registered'])
    expect(discoveryEvents.all.filter(({ event }) => event === 'registryDown')).toEqual([])
    expect(proxy.attempts).toBe(attempts)
  }, 60_000)

  test('gets one new login when its users change, without an event', async () => {
    const services = ['Arith', 'Echo', 'Mul']
    const { server, events } = await harness.published('Arith', { auth, metadata: 'n=1' })
    for (const service of services.slice(1)) server.registerName(service, { Echo: () => 1 })
    await server.published()
    await harness.gateway.logIn('root', 'open')
    await harness.gateway.ask('auth/user/add', { name: 'newcomer', password: 'open' })
    const before = await logIns(harness)
    await Promise.all(services.map(service => server.setMetadata(service, 'n=2')))
    expect((await logIns(harness)) - before).toBe(1)
    expect(events.all.map(({ event }) => event)).toEqual(['registered', 'registered', 'registered'])
  })

  /** Returns the number of token lifetimes since the epoch. */
  function tokensPast(): number {
    return Math.floor(Date.now() / (TOKEN_S * 1_000))
  }
})

const TOKEN_S = 2
