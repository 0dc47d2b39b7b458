import { readFileSync } from 'node:fs'
import { systemClock } from '@rpcx/core'
import { ServiceReplica } from '../../../../packages/core/src/discovery/replica.ts'
import type { Target } from '../target.ts'
import { nothing } from './errors.ts'

interface Recording {
  readonly lastTick: readonly { readonly key: string; readonly value: string }[]
}

const recorded = ['etcd', 'zookeeper', 'consul'].flatMap(registry => {
  const file = new URL(`../../../../packages/${registry}/test/fixtures/registry.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as Recording).lastTick
})

/** Pairs of keys and values, as a registry stores them. The target makes the client's list of them. */
export const entries: Target = {
  name: 'entries',
  corpus: [
    ...recorded.map(({ key, value }) => Buffer.from(`${key.slice(key.lastIndexOf('/') + 1)}\n${value}`)),
    Buffer.from(
      recorded.map(({ key, value }) => `${key.slice(key.lastIndexOf('/') + 1)}\n${value}`).join('\n'),
    ),
  ],
  tokens: ['\n', 'tcp@', '@', '/', 'tcp@[::1]:1\n', '&weight=', '%'].map(text => Buffer.from(text)),
  decode(input) {
    const reports: unknown[] = []
    const tell = (...what: readonly unknown[]): void => void reports.push(what)
    const owner = {
      published: tell,
      added: tell,
      changed: tell,
      removed: tell,
      ignored: tell,
      unreadable: tell,
    }
    const replica = new ServiceReplica(systemClock, owner)
    const texts = input.toString().split('\n')
    const all = texts.flatMap((text, i) => (i % 2 === 0 ? [[text, texts[i + 1] ?? ''] as const] : []))
    replica.replace(all)
    for (const [key] of all) replica.remove(key)
    return reports
  },
  mayThrow: nothing,
  // Each malformed entry of two bytes is reported with an error.
  limits: { heapFactor: 1_024, inputBytes: 1_024 },
}
