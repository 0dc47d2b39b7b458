import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from './cache.ts'
import { onPath } from './command.ts'
import { unpackDebianPackages } from './debian.ts'
import { docker } from './docker.ts'
import { javaCommand, zooKeeperPackages } from './java.ts'
import type { Availability, Kind } from './kind.ts'

/**
 * Resolves to where a server of this kind comes from, in this order: the address in RPCX_ETCD, RPCX_ZOOKEEPER or
 * RPCX_CONSUL; a binary on the PATH; the cache, filled from Debian's packages when it is empty; Docker.
 * Never rejects. Asked once per process; the first fetch can take a minute, and one that failed is not repeated
 * within ten minutes.
 */
export function available(kind: Kind): Promise<Availability> {
  const known = asked.get(kind)
  if (known) return known
  const found = find(kind)
  asked.set(kind, found)
  return found
}

const asked = new Map<Kind, Promise<Availability>>()

async function find(kind: Kind): Promise<Availability> {
  const address = process.env[`RPCX_${kind.toUpperCase()}`]
  if (address) return { from: 'environment', address }
  const reasons = [`no ${kind} on the PATH`]
  try {
    const installed = await finders[kind].installed()
    if (installed) return { from: 'path', command: installed }
    return { from: 'cache', command: await finders[kind].fetched() }
  } catch (error) {
    reasons.push((error as Error).message)
  }
  try {
    return await docker(kind)
  } catch (error) {
    reasons.push((error as Error).message)
  }
  return { from: 'nowhere', reason: `there is no ${kind} here: ${reasons.join('; ')}` }
}

type Command = [string, ...string[]]

const finders: Record<Kind, { installed(): Promise<Command | undefined>; fetched(): Promise<Command> }> = {
  etcd: {
    installed: () => executable('etcd'),
    fetched: async () => [join(await fetchPackages('etcd', ['etcd-server']), 'usr/bin/etcd')],
  },
  consul: {
    installed: () => executable('consul'),
    // Later Debian releases have no consul; this one's runs on them.
    fetched: async () => [join(await fetchPackages('consul', ['consul'], 'bullseye'), 'usr/bin/consul')],
  },
  zookeeper: {
    installed: async () => {
      const java = await onPath('java')
      const script = java && (await onPath('zkServer.sh'))
      if (script) return [script, 'start-foreground']
      const jars = '/usr/share/java'
      return java && existsSync(join(jars, 'zookeeper.jar')) ? javaCommand(java, jars) : undefined
    },
    fetched: async () => {
      const java = (await onPath('java')) ?? (await fetchJava())
      return javaCommand(java, join(await fetchPackages('zookeeper', zooKeeperPackages), 'usr/share/java'))
    },
  },
}

async function executable(name: string): Promise<Command | undefined> {
  const file = await onPath(name)
  return file === undefined ? undefined : [file]
}

async function fetchJava(): Promise<string> {
  const root = await fetchPackages('java', ['default-jre-headless'])
  const machines = join(root, 'usr/lib/jvm')
  const files = (await readdir(machines)).map(name => join(machines, name, 'bin/java'))
  const file = files.find(candidate => existsSync(candidate))
  if (file === undefined) throw new Error(`no java in ${machines}`)
  return file
}

function fetchPackages(name: string, packages: readonly string[], suite?: string): Promise<string> {
  return cached(name, into => unpackDebianPackages(packages, into, suite === undefined ? {} : { suite }))
}
