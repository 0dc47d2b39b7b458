import { join } from 'node:path'
import { type Recipe, type Server, type ServerOptions, startServer } from './server.ts'

export interface EtcdOptions extends ServerOptions {
  /** Further flags of etcd, for example `--auto-compaction-retention=1`; default none. */
  args?: readonly string[]
}

/** Starts a cluster of one etcd member. Resolves when it has a leader and answers; rejects as `startServer` does. */
export function startEtcd(options: EtcdOptions = {}): Promise<Server> {
  const recipe: Recipe = {
    kind: 'etcd',
    async prepare({ folder, ports }, origin) {
      const [client, peer] = ports
      const host = origin.from === 'docker' ? '0.0.0.0' : '127.0.0.1'
      const args = [
        '--name=test',
        `--data-dir=${join(folder, 'data')}`,
        `--listen-client-urls=http://${host}:${client}`,
        `--advertise-client-urls=http://127.0.0.1:${client}`,
        `--listen-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-cluster=test=http://127.0.0.1:${peer}`,
        ...(options.args ?? []),
      ]
      return { args, env: {} }
    },
    ask: askEtcd,
  }
  return startServer(recipe, options)
}

async function askEtcd(address: string): Promise<void> {
  const response = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(1_000) })
  const text = await response.text()
  if (!response.ok || !text.includes('"true"')) throw new Error(`/health: ${response.status} ${text}`)
}
