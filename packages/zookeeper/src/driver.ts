import type { Clock, Driver, DriverTraits, Entry, RegistrySession } from '@rpcx/core'
import { checkMetadataSize, isRpcxError, Layout, RpcxError } from '@rpcx/core'
import type { Connection } from './connection.ts'
import { checkNodeName } from './node-name.ts'
import { ZooKeeperSession } from './session.ts'
import { SessionConnections } from './session-connections.ts'
import type { Settings, ZooKeeperDriverOptions } from './settings.ts'
import { readSettings } from './settings.ts'

/** The ZooKeeper driver: one ZooKeeper session for each registry session, one ephemeral node for each entry. */
export class ZooKeeperDriver implements Driver {
  readonly name = 'zookeeper'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #settings: Settings
  readonly #layout: Layout
  /** The ids of closed sessions. */
  readonly #earlier = new Set<string>()

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ZooKeeperDriverOptions) {
    this.#settings = readSettings(options)
    this.#layout = new Layout(this.name, options.basePath, 'slash')
    for (const name of this.#layout.base.slice(1).split('/')) checkNodeName('basePath', name)
  }

  check(entry: Entry): void {
    checkNodeName('service', entry.service)
    // The address is unknown before the server listens.
    if (entry.address !== '') checkNodeName('address', entry.address)
    checkMetadataSize(this.name, entry, MAX_DATA_BYTES)
  }

  async open(signal: AbortSignal, clock: Clock): Promise<RegistrySession> {
    const connections = new SessionConnections(clock, this.#settings)
    const kill = (): void => connections.kill(signal.reason as Error)
    signal.addEventListener('abort', kill, { once: true })
    try {
      const connection = await this.#connect(connections)
      if (!(await connection.probe())) {
        await connections.close(signal)
        throw noChroot(this.#settings)
      }
      return new ZooKeeperSession(connections, this.#layout, this.#earlier)
    } catch (error) {
      connections.kill(error as Error)
      throw error
    } finally {
      signal.removeEventListener('abort', kill)
    }
  }

  /** Connects to the first server that answers. Tries each server once. */
  async #connect(connections: SessionConnections): Promise<Connection> {
    for (let left = this.#settings.hosts.length - 1; ; left--) {
      try {
        return await connections.connect()
      } catch (error) {
        if (left === 0 || !isRpcxError(error, 'ERR_RPCX_REGISTRY')) throw error
      }
    }
  }
}

// A request with its paths may have 1 MiB (`jute.maxbuffer`). ZooKeeper closes the connection at larger ones.
const MAX_DATA_BYTES = 1_000_000

function noChroot({ hosts, chroot }: Settings): RpcxError {
  const where = hosts.map(({ text }) => text).join(',')
  const text = `zookeeper ${where}: the chroot ${chroot} does not exist; create it there (create ${chroot}), or give another one`
  return new RpcxError('ERR_RPCX_REGISTRY', text, { fatal: true })
}
