import type { LookupFunction } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { createSecureContext } from 'node:tls'
import type { RegistryHost } from '@rpcx/core'
import { parseRegistryHosts, reasonOf } from '@rpcx/core'
import type { ACL } from 'node-zookeeper-client'
import { parseAcl } from './acl.ts'
import { inTurn } from './addresses.ts'
import { checkNodeName } from './node-name.ts'
import type { ZooKeeperOptions, ZooKeeperRegisterPluginOptions } from './options.ts'

/** The options of a discovery, and those of the register plugin that concern the driver. */
export type ZooKeeperDriverOptions = ZooKeeperOptions & Pick<ZooKeeperRegisterPluginOptions, 'acl'>

/** The checked options of a driver. */
export interface Settings {
  readonly hosts: readonly RegistryHost[]
  readonly lookup: LookupFunction
  /** The chroot path; empty for none. */
  readonly chroot: string
  readonly timeoutMs: number
  readonly digest: ZooKeeperOptions['digest']
  /** The options of the TLS connection; `undefined` for plain text. */
  readonly tls: ConnectionOptions | undefined
  readonly acl: ACL[]
}

/** Reads and checks the options. @throws TypeError or RangeError that names the option */
export function readSettings(options: ZooKeeperDriverOptions): Settings {
  const { chroot = '', sessionTimeoutMs = 10_000, digest, acl = 'world:anyone:cdrwa' } = options
  if (!(sessionTimeoutMs >= 1_000 && sessionTimeoutMs <= 86_400_000)) {
    throw new RangeError(
      `zookeeper: sessionTimeoutMs is ${sessionTimeoutMs}, not a number from 1000 to 86400000`,
    )
  }
  if (
    digest !== undefined &&
    !(isText(digest.user) && !digest.user.includes(':') && isText(digest.password))
  ) {
    throw new TypeError('zookeeper: digest is not { user, password }, two strings, the user without a colon')
  }
  const settings = {
    hosts: parseRegistryHosts('zookeeper', 'zooKeeperServers', options.zooKeeperServers),
    lookup: inTurn(),
    chroot: readChroot(chroot),
    timeoutMs: Math.ceil(sessionTimeoutMs),
    digest,
    tls: options.tls && readTls(options.tls),
    acl: parseAcl(acl),
  }
  if (digest === undefined && [acl].flat().some(part => part.startsWith('auth:'))) {
    throw new TypeError(`zookeeper: acl is ${JSON.stringify(acl)}, whose auth: needs the option digest`)
  }
  return settings
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function readTls(tls: ConnectionOptions): ConnectionOptions {
  try {
    return { ...tls, secureContext: createSecureContext(tls) }
  } catch (cause) {
    throw new TypeError(`zookeeper: tls is rejected by node:tls: ${reasonOf(cause)}`, { cause })
  }
}

/** Returns the path with one slash before each name and none at the end. */
function readChroot(chroot: string): string {
  if (typeof chroot !== 'string') throw new TypeError(`zookeeper: chroot is ${typeof chroot}, not a string`)
  const names = chroot.split('/').filter(Boolean)
  for (const name of names) checkNodeName('chroot', name)
  return names.map(name => `/${name}`).join('')
}
