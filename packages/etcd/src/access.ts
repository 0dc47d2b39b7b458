import { createSecureContext, rootCertificates } from 'node:tls'
import { parseRegistryHosts, reasonOf } from '@rpcx/core'
import type { EtcdAuth, EtcdOptions, EtcdTls } from './options.ts'

/** The checked options that say where etcd is and how to log in. */
export interface Access {
  readonly hosts: readonly string[]
  readonly auth: EtcdAuth | undefined
  readonly tls: EtcdTls | undefined
  readonly httpProxy: boolean
}

/** Reads and checks the options. @throws TypeError that names the option */
export function readAccess({ etcdServers, auth, tls, httpProxy = false }: EtcdOptions): Access {
  const hosts = parseRegistryHosts('etcd', 'etcdServers', etcdServers).map(({ text }) => text)
  const isUser =
    auth === undefined ||
    (isText(auth.username) && (typeof auth.password === 'function' || isText(auth.password)))
  if (!isUser) throw new TypeError('etcd: auth is not { username, password }, two strings')
  if (typeof httpProxy !== 'boolean')
    throw new TypeError(`etcd: httpProxy is ${typeof httpProxy}, not true or false`)
  if (tls === undefined) return { hosts, auth, tls, httpProxy }
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw new TypeError('etcd: tls needs both cert and key, or neither')
  try {
    createSecureContext(tls)
  } catch (cause) {
    throw new TypeError(`etcd: tls is rejected by node:tls: ${reasonOf(cause)}`, { cause })
  }
  return { hosts, auth, tls: { ca: rootCertificates.join('\n'), ...tls }, httpProxy }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
