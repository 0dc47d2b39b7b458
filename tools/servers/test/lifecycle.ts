import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Kind, Server } from '../src/index.ts'
import { requireServer } from '../src/index.ts'

/** How one kind of server is started and used in the tests that all kinds share. */
export interface Subject {
  readonly kind: Kind
  start(): Promise<Server>
  write(address: string, key: string): Promise<void>
  has(address: string, key: string): Promise<boolean>
}

/** Defines the tests that all kinds share. Each test gets the server that the previous one left running. */
export async function describeLifecycle(subject: Subject): Promise<void> {
  describe.runIf(await requireServer(subject.kind))(`A started ${subject.kind}`, () => {
    let server: Server

    beforeAll(async () => {
      server = await subject.start()
    })
    afterAll(() => server.stop())

    test('responds', async () => {
      await subject.write(server.address, 'kept')
      expect(await subject.has(server.address, 'kept')).toBe(true)
    })

    test.runIf(owned(subject.kind))('leaves no process behind when killed', async () => {
      const pid = server.pid as number
      expect(isAlive(pid)).toBe(true)
      await server.kill()
      expect(isAlive(pid)).toBe(false)
      expect(server.pid).toBeUndefined()
      await expect(subject.has(server.address, 'kept')).rejects.toThrow()
    })

    test.runIf(owned(subject.kind))('restarts on the same port with its data', async () => {
      const { address } = server
      await server.restart()
      expect(server.address).toBe(address)
      expect(await subject.has(address, 'kept')).toBe(true)
    })

    test.runIf(owned(subject.kind))('does not respond while paused, and responds when resumed', async () => {
      await server.pause()
      const answer = subject.has(server.address, 'kept')
      expect(await Promise.race([answer, sleep(300, 'silent')])).toBe('silent')
      await server.resume()
      expect(await answer).toBe(true)
    })

    test.runIf(owned(subject.kind))('can be killed while paused', async () => {
      await server.pause()
      await server.restart()
      expect(await subject.has(server.address, 'kept')).toBe(true)
    })

    test.runIf(owned(subject.kind))('has no data after a wipe, running or not', async () => {
      await server.wipe()
      expect(await subject.has(server.address, 'kept')).toBe(false)
      await subject.write(server.address, 'again')
      await server.kill()
      await server.wipe()
      expect(server.pid).toBeUndefined()
      await server.restart()
      expect(await subject.has(server.address, 'again')).toBe(false)
    })

    test('runs beside a second one', async () => {
      await using other = await subject.start()
      await subject.write(other.address, 'other')
      if (owned(subject.kind)) expect(await subject.has(server.address, 'other')).toBe(false)
    })

    test.runIf(owned(subject.kind))(
      'is removed with its data by stop(), which may be called twice',
      async () => {
        const pid = server.pid as number
        const folder = folderOf(server.address)
        expect(existsSync(folder)).toBe(true)
        await server.stop()
        expect(isAlive(pid)).toBe(false)
        expect(existsSync(folder)).toBe(false)
        await expect(server.restart()).rejects.toThrow('stopped for good')
      },
    )
  })
}

/** Whether a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Where the server at this address keeps its data. */
export function folderOf(address: string): string {
  const name = `rpcx-servers-${new URL(`tcp://${address}`).port}`
  const parent = ['/dev/shm', process.env.TMPDIR ?? '/tmp'].find(
    candidate => existsSync(candidate) && readdirSync(candidate).includes(name),
  )
  return `${parent}/${name}`
}

function owned(kind: Kind): boolean {
  return !process.env[`RPCX_${kind.toUpperCase()}`]
}
