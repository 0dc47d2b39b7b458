import { readFileSync } from 'node:fs'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { heardOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

interface Written {
  readonly name: string
  readonly what: string
  readonly written: readonly { readonly key: string; readonly value: string }[]
  readonly getServices: readonly { readonly key: string; readonly value: string }[]
}

interface Recorded {
  readonly basePath: string
  readonly serviceAddress: string
  readonly lastTick: readonly { readonly key: string; readonly value: string }[]
  readonly watched: readonly {
    readonly put?: string
    readonly remove?: string
    readonly value?: string
    readonly servers: readonly string[]
  }[]
  readonly writtenByHand: readonly Written[]
}

const recorded = JSON.parse(
  readFileSync(new URL('./fixtures/registry.json', import.meta.url), 'utf8'),
) as Recorded

/** What Go's client lists though it could never dial it; ours says once that it ignores it. */
const ignoredHere: Readonly<Record<string, { readonly address: string; readonly why: string }>> = {
  nested: {
    address: 'tcp@127.0.0.1:8972/x',
    why: 'the key of something below the server: Go dials it and fails every other call',
  },
  'empty-leaf': {
    address: '',
    why: 'a key without an address: Go counts it as a server and fails every other call',
  },
}

describe.runIf(await requireServer('etcd'))('What Go wrote', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test.each(recorded.writtenByHand)('is listed as its own client lists it: $what', async recording => {
    await using stage = new Stage(etcd)
    const { gateway, basePath } = stage
    const value = (text: string): string | Buffer =>
      recording.name === 'binary-value' ? Buffer.from([0xff, 0xfe, 0x00]) : text
    for (const { key, value: text } of recording.written) {
      await gateway.put(key.replace(recorded.basePath, basePath), value(text))
    }
    const discovery = stage.discovery()
    const told = heardOfDiscovery(discovery)
    const ours = (await discovery.list('Arith')).map(({ address, metadata }) => ({
      key: address,
      value: metadata,
    }))
    const ignored = ignoredHere[recording.name]?.address
    expect(ours).toEqual(recording.getServices.filter(({ key }) => key !== ignored))
    const warnings = told.all.filter(({ event }) => event === 'entryIgnored')
    expect(warnings.map(({ address }) => address)).toEqual(ignored === undefined ? [] : [ignored])
  })

  test('is read as it is after one tick, with figures and without', async () => {
    await using stage = new Stage(etcd)
    for (const { key, value } of recorded.lastTick) {
      await stage.gateway.put(key.replace(recorded.basePath, stage.basePath), value)
    }
    const discovery = stage.discovery()
    const [arith] = await discovery.list('Arith')
    expect(arith?.address).toBe(recorded.serviceAddress)
    expect(Object.fromEntries(arith?.values ?? [])).toEqual({
      calls: ['0.00'],
      connections: ['0.00'],
      group: ['g1'],
      weight: ['10'],
    })
    const [echo] = await discovery.list('Echo')
    expect(echo?.values.get('note')).toEqual(['a b/é'])
    expect(echo?.values.get('rate')).toEqual(['50%'])
  })

  test('is followed as its own client follows it', async () => {
    await using stage = new Stage(etcd)
    const view = stage.view('Arith')
    for (const { put, remove, value = '', servers } of recorded.watched) {
      if (put !== undefined) await stage.gateway.put(stage.key('Arith', put), value)
      if (remove !== undefined) await stage.gateway.remove(stage.key('Arith', remove))
      await view.shows(Object.fromEntries(servers.map(server => server.split(' = ') as [string, string])))
    }
  })
})
