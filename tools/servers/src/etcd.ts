import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Identity } from './certificates.ts'
import type { Reservation } from './ports.ts'
import type { Recipe, Server, ServerOptions } from './server.ts'
import { startServer } from './start.ts'

export interface EtcdOptions extends ServerOptions {
  /** Further flags of etcd, for example `--auto-compaction-retention=1`; default none. */
  args?: readonly string[]
  /** Serves clients by TLS; default plain text. Members of a cluster speak plain text to each other. */
  tls?: EtcdTls
}

/** The certificate of the server. It must have no extended key usage or both, because etcd also uses it as its own client. */
export interface EtcdTls extends Identity {
  /** The PEM of the authority of client certificates. @default clients need no certificate */
  readonly clientAuthority?: string
}

/**
 * Starts a cluster of one etcd member. Resolves when it has a leader and answers; rejects as `startServer` does.
 * `extraAddresses.metrics` serves `/health` and `/metrics` by plain HTTP, also with TLS.
 */
export function startEtcd(options: EtcdOptions = {}): Promise<Server> {
  const alone = ({ ports }: Reservation) => {
    const peerUrl = `http://127.0.0.1:${ports[1]}`
    return { name: 'test', peerUrl, cluster: `test=${peerUrl}`, args: [], env: {} }
  }
  return startServer(etcdRecipe(options, alone), options)
}

/** The name and addresses of a member. */
export interface EtcdMember {
  readonly name: string
  /** The address that other members dial. */
  readonly peerUrl: string
  /** Every member's name and `peerUrl`, in etcd's own notation. */
  readonly cluster: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export function etcdRecipe(options: EtcdOptions, memberAt: (reservation: Reservation) => EtcdMember): Recipe {
  const { args = [], tls } = options
  return {
    kind: 'etcd',
    extraAddresses: ({ ports }) => ({ metrics: `127.0.0.1:${ports[2]}` }),
    async prepare(reservation, origin) {
      const { folder, ports } = reservation
      const host = origin.from === 'docker' ? '0.0.0.0' : '127.0.0.1'
      const scheme = tls ? 'https' : 'http'
      const member = memberAt(reservation)
      const flags = [
        `--name=${member.name}`,
        `--data-dir=${join(folder, 'data')}`,
        `--listen-client-urls=${scheme}://${host}:${ports[0]}`,
        `--advertise-client-urls=${scheme}://127.0.0.1:${ports[0]}`,
        `--listen-peer-urls=http://127.0.0.1:${ports[1]}`,
        `--listen-metrics-urls=http://${host}:${ports[2]}`,
        `--initial-advertise-peer-urls=${member.peerUrl}`,
        `--initial-cluster=${member.cluster}`,
        ...(tls ? await tlsFlags(folder, tls) : []),
      ]
      return { args: [...flags, ...member.args, ...args], env: member.env }
    },
    ask: (address, { metrics = address }) => askEtcd(metrics),
  }
}

async function tlsFlags(folder: string, tls: EtcdTls): Promise<string[]> {
  const flags = [`--cert-file=${join(folder, 'cert.pem')}`, `--key-file=${join(folder, 'key.pem')}`]
  await writeFile(join(folder, 'cert.pem'), tls.cert)
  await writeFile(join(folder, 'key.pem'), tls.key, { mode: 0o600 })
  if (tls.clientAuthority === undefined) return flags
  const file = join(folder, 'client-authority.pem')
  await writeFile(file, tls.clientAuthority)
  return [...flags, '--client-cert-auth', `--trusted-ca-file=${file}`]
}

async function askEtcd(address: string): Promise<void> {
  const response = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(1_000) })
  const text = await response.text()
  if (!response.ok || !text.includes('"true"')) throw new Error(`/health: ${response.status} ${text}`)
}
