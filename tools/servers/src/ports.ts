import { randomInt } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Below the range of ports for outgoing connections. Otherwise a client that retries while its server is down could
// get the server's own port, connect to itself and keep the port in use.
const lowest = 20_000
const highest = 30_000
const firstOutgoing = 32_768

/** A folder and five ports on 127.0.0.1, reserved for one server. */
export interface Reservation {
  readonly folder: string
  readonly ports: readonly [number, number, number, number, number]
}

/**
 * Reserves five free ports. No two test processes get the same ones: the folder is named after the ports, and
 * `mkdir` is the lock. The owner releases the ports by removing the folder.
 */
export async function reservePorts(): Promise<Reservation> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = lowest + 5 * randomInt((highest - lowest) / 5)
    const ports = [first, first + 1, first + 2, first + 3, first + 4] as const
    const folder = join(parent(), `rpcx-servers-${first}`)
    try {
      await mkdir(folder, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw error
    }
    if (await allFree(ports)) return { folder, ports }
    await rm(folder, { recursive: true })
  }
  throw new Error(`found no five free ports between ${lowest} and ${highest} in 100 attempts`)
}

/** Returns a port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) return port
  }
  throw new Error(`found no free port between ${lowest} and ${highest} in 100 attempts`)
}

/** Returns a port for multicast tests. No server of a test gets it, because whoever has bound it keeps the others out. */
export function multicastPort(): number {
  lastMulticastPort += 2
  if (lastMulticastPort >= firstOutgoing) lastMulticastPort -= firstOutgoing - highest
  return lastMulticastPort
}

// Concurrent tests of one process never share a port, nor do the two processes that run the tests of one package.
let lastMulticastPort =
  highest + 2 * randomInt((firstOutgoing - highest) / 2) + (Number(process.env.VITEST_POOL_ID ?? 0) % 2)

async function allFree(ports: readonly number[]): Promise<boolean> {
  return (await Promise.all(ports.map(isFree))).every(Boolean)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}

function parent(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}
