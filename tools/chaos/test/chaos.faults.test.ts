import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Kind } from '@rpcx/servers'
import { requireServer } from '@rpcx/servers'
import { describe, expect, test } from 'vitest'
import { requireNetwork } from '../src/network.ts'

// The same seed repeats the plan, but not the exact timing.
const seed = process.env.RPCX_SEED ?? String(randomInt(2 ** 31))
const seconds = process.env.RPCX_FULL ? 300 : 20
/** Includes the time to start, settle and end a run. */
const longestMs = (seconds + 110) * 1_000
const hasNetwork = await requireNetwork()
const registries: readonly (readonly [name: string, kind: Kind])[] = [
  ['etcd', 'etcd'],
  ['ZooKeeper', 'zookeeper'],
  ['Consul', 'consul'],
]

for (const [name, kind] of registries) {
  describe.runIf(await requireServer(kind))(`With ${name} (RPCX_SEED=${seed})`, () => {
    const loss = hasNetwork ? ', on a network that loses packets' : ''
    test(
      `every promise is kept through ${seconds} s of faults${loss}`,
      async () => {
        const { code, output } = await conduct(kind)
        console.info(output)
        expect(code, output).toBe(0)
      },
      longestMs,
    )
  })
}

function conduct(kind: Kind): Promise<{ readonly code: unknown; readonly output: string }> {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const node = ['--conditions=@rpcx/source', '--import', 'tsx', main]
  const args = ['--registry', kind, '--seed', seed, '--seconds', String(seconds)]
  return new Promise(resolve => {
    execFile(
      process.execPath,
      [...node, ...args, ...(hasNetwork ? ['--lossy'] : [])],
      { timeout: longestMs - 5_000, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
    )
  })
}
