import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import type { Reservation } from './ports.ts'
import type { Launchable, Recipe, Server, ServerOptions } from './server.ts'
import { startServer } from './start.ts'

export interface ConsulOptions extends ServerOptions {
  /** The shortest TTL of a session that the server accepts, in milliseconds. Consul's own default is 10 000. @default 2 000 */
  sessionTtlMinMs?: number
  /** Its datacenter, default `dc1`. */
  datacenter?: string
  /** A server of another datacenter, started by `startConsul`, which this one joins over WAN at each start. */
  joinWan?: Server
  /**
   * A server, started by `startConsul`, whose client agent this is. As Consul's own default is, it leaves the datacenter when it is
   * stopped by SIGTERM (`leave_on_terminate`), which `PUT /v1/agent/leave` does as well.
   */
  clientOf?: Server
  /** Turns ACLs on, denies by default, and makes this UUID the secret of a token that may do everything. */
  bootstrapToken?: string
  /** A further configuration file, as its JSON: `acl`, `limits` and so on; merged by Consul itself. */
  config?: Readonly<Record<string, unknown>>
  /** With ACLs: a token that may read the catalog, used to ask whether it is ready; default `bootstrapToken`. */
  token?: string
}

/**
 * Starts a Consul server that stores its data and elects itself. Resolves when it has a leader and its node is in
 * the catalog, so that sessions can be made; with ACLs and no token, when it has a leader. `extraAddresses.dns`
 * answers DNS by UDP and TCP; `extraAddresses.wan` is for the servers of other datacenters.
 */
export function startConsul(options: ConsulOptions = {}): Promise<Server> {
  return startServer(consulRecipe(options), options)
}

/** What a server needs to be a member of a cluster. */
export interface ConsulMember {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
}

export function consulRecipe(options: ConsulOptions, member?: ConsulMember): Recipe {
  const { bootstrapToken, token = bootstrapToken, config = {}, joinWan, clientOf } = options
  const wan = joinWan?.extraAddresses.wan
  if (joinWan && wan === undefined) throw new TypeError(`joinWan: ${joinWan.address} has no WAN address`)
  return {
    kind: 'consul',
    extraAddresses: ({ ports }) => ({
      dns: `127.0.0.1:${ports[4]}`,
      lan: `127.0.0.1:${ports[2]}`,
      ...(!member && { wan: `127.0.0.1:${ports[3]}` }),
    }),
    async prepare({ folder, ports }, origin) {
      const files = {
        'base.json': await baseConfig(options, ports, origin),
        'member.json': member?.config ?? roleConfig(clientOf),
        'wan.json': wan === undefined ? {} : { retry_join_wan: [wan], retry_interval_wan: '200ms' },
        'acl.json': bootstrapToken === undefined ? {} : { acl: closedAcl(bootstrapToken) },
        'more.json': config,
      }
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(folder, name), JSON.stringify(content, undefined, 2))
      }
      const where = Object.keys(files).map(name => file(folder, name))
      const name = member?.name ?? (clientOf ? clientName(`127.0.0.1:${ports[0]}`) : 'test')
      const who = [`-node=${name}`, `-data-dir=${join(folder, 'data')}`]
      return { args: ['agent', ...(clientOf ? [] : ['-server']), ...who, ...where], env: {} }
    },
    async ask(address) {
      await expectContent(address, '/v1/status/leader', token)
      if (wan !== undefined) await expectContent(address, '/v1/catalog/datacenters', token, '","')
      if (token === undefined && 'acl' in config) return
      const name = member?.name ?? (clientOf && clientName(address))
      await expectContent(address, '/v1/catalog/nodes', token, name && `"Node":"${name}"`)
    },
  }
}

function clientName(address: string): string {
  return `client-${new URL(`http://${address}`).port}`
}

/** Returns the configuration of a single server or of a client agent. */
function roleConfig(clientOf: Server | undefined): Record<string, unknown> {
  if (clientOf === undefined) return { bootstrap_expect: 1 }
  return { retry_join: [clientOf.extraAddresses.lan], retry_interval: '200ms' }
}

async function baseConfig(
  options: ConsulOptions,
  [http, server, gossip, wan, dns]: Reservation['ports'],
  origin: Launchable,
): Promise<Record<string, unknown>> {
  return {
    datacenter: options.datacenter ?? 'dc1',
    client_addr: origin.from === 'docker' ? '0.0.0.0' : '127.0.0.1',
    bind_addr: '127.0.0.1',
    ports: { http, server, serf_lan: gossip, serf_wan: wan, dns, grpc: -1, ...(await closedTlsPort(origin)) },
    session_ttl_min: `${options.sessionTtlMinMs ?? 2_000}ms`,
    disable_update_check: true,
    // Elects a leader in a second instead of five.
    performance: { raft_multiplier: 1 },
  }
}

/** Since 1.11 the token has another name, but Consul still accepts this one. */
function closedAcl(token: string): Record<string, unknown> {
  return { enabled: true, default_policy: 'deny', tokens: { master: token, agent: token } }
}

/** Since 1.14 servers open another fixed port, unless this setting forbids it. Earlier versions reject the setting. */
async function closedTlsPort(origin: Launchable): Promise<Record<string, number>> {
  if (origin.from === 'docker') return {}
  const [binary, ...first] = origin.command
  const version = /v(\d+)\.(\d+)/.exec(await run(binary, [...first, 'version']))
  const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)]
  return major > 1 || minor >= 14 ? { grpc_tls: -1 } : {}
}

function file(folder: string, name: string): string {
  return `-config-file=${join(folder, name)}`
}

async function expectContent(
  address: string,
  path: string,
  token: string | undefined,
  content = '',
): Promise<void> {
  const headers: Record<string, string> = token === undefined ? {} : { 'X-Consul-Token': token }
  const response = await fetch(`http://${address}${path}`, { headers, signal: AbortSignal.timeout(1_000) })
  const text = await response.text()
  if (!response.ok || ['""', '[]'].includes(text.trim()) || !text.includes(content)) {
    throw new Error(`${path}: ${response.status} ${text}`)
  }
}
