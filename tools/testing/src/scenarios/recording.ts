import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { eventsOfDiscovery } from '../events.ts'
import type { RegistryHarness } from '../harness.ts'

/** The entries that Go wrote into a registry, and the lists of Go's own client. */
export interface Recording<Tick extends KeyValue = KeyValue, Written extends KeyValue = KeyValue> {
  readonly basePath: string
  readonly serviceAddress: string
  /** The entries of a Go server after one tick. */
  readonly lastTick: readonly Tick[]
  readonly writtenByHand: readonly ByHand<Written>[]
}

export interface KeyValue {
  readonly key: string
  readonly value: string
}

export interface ByHand<Written extends KeyValue = KeyValue> {
  readonly name: string
  readonly what: string
  readonly written: readonly Written[]
  readonly getServices: readonly KeyValue[]
}

/** The changes and the list after each of them, for registries that report each change. */
export interface Watched {
  readonly put?: string
  readonly remove?: string
  readonly value?: string
  readonly servers: readonly string[]
}

export function readRecording<R extends Recording>(file: URL): R {
  return JSON.parse(readFileSync(file, 'utf8')) as R
}

/** The addresses that Go's client lists although nobody can dial them. Our client ignores and reports them once. */
export const undialable: Readonly<Record<string, { readonly address: string; readonly why: string }>> = {
  nested: {
    address: 'tcp@127.0.0.1:8972/x',
    why: 'the key of something below the server: Go dials it and fails every other call',
  },
  'empty-leaf': {
    address: '',
    why: 'a key without an address: Go counts it as a server and fails every other call',
  },
  'unknown-network': {
    address: 'foo@127.0.0.1:8972',
    why: 'a network that nobody speaks: Go dials it and fails every other call',
  },
  'http-to-tcp': {
    address: 'http@127.0.0.1:8972',
    why: 'a network that ours does not speak; Go fails, too, where the server does not',
  },
}

/**
 * Our client lists the written entries as Go's client does.
 * @param put writes an entry below the base path of the harness
 * @param ignored an address that our client ignores with a report
 */
export async function listsAsGo<Written extends KeyValue>(
  harness: RegistryHarness,
  recording: Recording<KeyValue, Written>,
  { name, written, getServices }: ByHand<Written>,
  put: (key: string, value: string | Buffer, entry: Written) => Promise<unknown>,
  ignored?: string,
): Promise<void> {
  for (const entry of written) {
    const value = name === 'binary-value' ? Buffer.from([0xff, 0xfe, 0x00]) : entry.value
    await put(entry.key.replace(recording.basePath, harness.basePath), value, entry)
  }
  const discovery = harness.discovery()
  const events = eventsOfDiscovery(discovery)
  const ours = (await discovery.list('Arith')).map(({ address, metadata }) => ({
    key: address,
    value: metadata,
  }))
  expect(ours).toEqual(getServices.filter(({ key }) => key !== ignored))
  const warnings = events.all.filter(({ event }) => event === 'entryIgnored')
  expect(warnings.map(({ address }) => address)).toEqual(ignored === undefined ? [] : [ignored])
}

/** Our client reads the entries of a Go server after one tick: metrics, and metadata with every kind of escape. */
export async function readsOneTick<Tick extends KeyValue>(
  harness: RegistryHarness,
  recording: Recording<Tick>,
  put: (key: string, value: string, entry: Tick) => Promise<unknown>,
): Promise<void> {
  for (const entry of recording.lastTick) {
    await put(entry.key.replace(recording.basePath, harness.basePath), entry.value, entry)
  }
  const discovery = harness.discovery()
  const [arith] = await discovery.list('Arith')
  expect(arith?.address).toBe(recording.serviceAddress)
  expect(Object.fromEntries(arith?.values ?? [])).toEqual({
    calls: ['0.00'],
    connections: ['0.00'],
    group: ['g1'],
    weight: ['10'],
  })
  const [echo] = await discovery.list('Echo')
  expect(echo?.values.get('note')).toEqual(['a b/é'])
  expect(echo?.values.get('rate')).toEqual(['50%'])
}

/** Our client shows the same lists as Go's client, change by change. */
export async function followsAsGo(
  harness: RegistryHarness,
  watched: readonly Watched[],
  hand: {
    put(address: string, value: string): Promise<unknown>
    remove(address: string): Promise<unknown>
  },
): Promise<void> {
  const view = harness.view('Arith')
  for (const { put, remove, value = '', servers } of watched) {
    if (put !== undefined) await hand.put(put, value)
    if (remove !== undefined) await hand.remove(remove)
    await view.shows(Object.fromEntries(servers.map(server => server.split(' = ') as [string, string])))
  }
}
