import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import { type Launchable, type Recipe, type Server, type ServerOptions, startServer } from './server.ts'

export interface ConsulOptions extends ServerOptions {
  /** The shortest TTL of a session that the server accepts, default 2 000; Consul's own default is 10 000. */
  sessionTtlMinMs?: number
  /** A further configuration file, as its JSON: `acl`, `limits` and so on; merged by Consul itself. */
  config?: Readonly<Record<string, unknown>>
  /** With ACLs: a token that may read the catalog, used to ask whether the server is ready. */
  token?: string
}

/**
 * Starts a Consul server that stores its data and elects itself. Resolves when it has a leader and its node is in
 * the catalog, so that sessions can be made; with ACLs and no `token`, when it has a leader.
 */
export function startConsul(options: ConsulOptions = {}): Promise<Server> {
  const { token, config = {} } = options
  const recipe: Recipe = {
    kind: 'consul',
    async prepare({ folder, ports }, origin) {
      const files = { 'base.json': await baseConfig(options, ports, origin), 'more.json': config }
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(folder, name), JSON.stringify(content, undefined, 2))
      }
      const where = [
        `-data-dir=${join(folder, 'data')}`,
        ...Object.keys(files).map(name => file(folder, name)),
      ]
      return { args: ['agent', '-server', '-bootstrap-expect=1', '-node=test', ...where], env: {} }
    },
    async ask(address) {
      await expectContent(address, '/v1/status/leader', token)
      if (token !== undefined || !('acl' in config)) await expectContent(address, '/v1/catalog/nodes', token)
    },
  }
  return startServer(recipe, options)
}

async function baseConfig(
  options: ConsulOptions,
  [http, server, gossip]: readonly [number, number, number, number],
  origin: Launchable,
): Promise<Record<string, unknown>> {
  return {
    client_addr: origin.from === 'docker' ? '0.0.0.0' : '127.0.0.1',
    bind_addr: '127.0.0.1',
    ports: {
      http,
      server,
      serf_lan: gossip,
      serf_wan: -1,
      dns: -1,
      grpc: -1,
      ...(await closedTlsPort(origin)),
    },
    session_ttl_min: `${options.sessionTtlMinMs ?? 2_000}ms`,
    disable_update_check: true,
    // Elects a leader in a second instead of five.
    performance: { raft_multiplier: 1 },
  }
}

/** From 1.14 on servers also open a fixed port unless told not to, in a setting that earlier ones refuse. */
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

async function expectContent(address: string, path: string, token: string | undefined): Promise<void> {
  const headers: Record<string, string> = token === undefined ? {} : { 'X-Consul-Token': token }
  const response = await fetch(`http://${address}${path}`, { headers, signal: AbortSignal.timeout(1_000) })
  const text = await response.text()
  if (!response.ok || ['""', '[]'].includes(text.trim()))
    throw new Error(`${path}: ${response.status} ${text}`)
}
