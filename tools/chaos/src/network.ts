import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { nft } from '@rpcx/servers'

const run = promisify(execFile)

/**
 * Resolves to whether a network that loses packets can be made here. In CI rejects instead of resolving to false; elsewhere says on
 * standard error why the tests are skipped.
 */
export async function requireNetwork(): Promise<boolean> {
  try {
    if (process.getuid?.() !== 0) throw new Error('only root may make network namespaces')
    await nft()
    return (await inNetwork(['true'])) === 0
  } catch (error) {
    const reason = `no network of its own: ${(error as Error).message}`
    if (process.env.CI) throw new Error(reason)
    process.stderr.write(`\nSKIPPED, ${reason}\n`)
    return false
  }
}

/** Runs a command in a network namespace that has only a loopback interface. Resolves to its exit code. */
export async function inNetwork(command: readonly string[]): Promise<number> {
  const space = `rpcx${process.pid}-${randomInt(1_000, 9_999)}`
  await run('ip', ['netns', 'add', space])
  try {
    await run('ip', ['netns', 'exec', space, 'ip', 'link', 'set', 'lo', 'up'])
    const child = spawn('ip', ['netns', 'exec', space, ...command], { stdio: 'inherit' })
    // The namespace can be removed only after the command has ended.
    const end = (signal: NodeJS.Signals): void => void child.kill(signal)
    for (const signal of ENDING) process.on(signal, end)
    const [code] = await once(child, 'exit')
    for (const signal of ENDING) process.off(signal, end)
    return code ?? 1
  } finally {
    await run('ip', ['netns', 'del', space])
  }
}

/** Makes the loopback interface of this namespace lose this share of its packets. Only for a namespace of our own. */
export async function lose(percent: number): Promise<void> {
  await rules(
    `add table inet ${TABLE}`,
    `add chain inet ${TABLE} input { type filter hook input priority 0; }`,
    `add rule inet ${TABLE} input iif lo meta l4proto tcp numgen random mod 100 < ${percent} drop`,
  )
}

export async function loseNothing(): Promise<void> {
  await rules(`add table inet ${TABLE}`, `delete table inet ${TABLE}`)
}

async function rules(...lines: readonly string[]): Promise<void> {
  const [command, ...args] = await nft()
  await run(command, [...args, lines.join('; ')])
}

const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']
const TABLE = 'rpcx_chaos'
