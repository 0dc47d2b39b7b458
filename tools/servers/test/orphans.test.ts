import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { untilResolved } from '../src/deadline.ts'
import { requireCluster, requireServer } from '../src/index.ts'
import { folderOf, isAlive } from './lifecycle.ts'

const owner = fileURLToPath(new URL('./owner.ts', import.meta.url))
const runnable = (await requireServer('etcd')) && !process.env.RPCX_ETCD

test.runIf(runnable).each(['running', 'paused', 'killed'])(
  'A SIGKILLed process leaves neither the server nor its data when the server is %s',
  async state => {
    const child = spawn(process.execPath, ['--import', 'tsx', owner, state], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const [pid, address] = line.split(' ') as [string, string]
    const folder = folderOf(address)
    expect(isAlive(Number(pid))).toBe(state !== 'killed')
    expect(existsSync(folder)).toBe(true)
    child.kill('SIGKILL')
    await untilResolved(
      async () => {
        expect(isAlive(Number(pid))).toBe(false)
        expect(existsSync(folder)).toBe(false)
      },
      { what: 'the end of the server', timeoutMs: 10_000 },
    )
  },
)

test.runIf(runnable)(
  'A process that does not stop its server can exit, and the server exits too',
  async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', owner, 'leave'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const gone = async () => expect(isAlive(Number(line.split(' ')[0]))).toBe(false)
    await untilResolved(gone, { what: 'the end of the server', timeoutMs: 10_000 })
  },
)

test.runIf(await requireCluster('etcd')).each(['running', 'leave'])(
  'A process that exits without stopping its cluster leaves nothing of it (%s)',
  async state => {
    const child = spawn(process.execPath, ['--import', 'tsx', owner, state, 'cluster'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const words = line.split(' ')
    const pids = words.filter((_, index) => index % 2 === 0).map(Number)
    const addresses = words.filter((_, index) => index % 2 === 1)
    expect([pids.length, addresses.length]).toEqual([3, 3])
    if (state === 'running') child.kill('SIGKILL')
    const gone = async () => {
      expect(pids.some(isAlive)).toBe(false)
      expect(addresses.map(folderOf).some(existsSync)).toBe(false)
    }
    const ended = untilResolved(gone, { what: 'the end of the cluster', timeoutMs: 10_000 })
    await ended.finally(() => child.kill('SIGKILL'))
  },
)
