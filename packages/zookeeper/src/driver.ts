import type { Driver, DriverTraits, Entry, Session } from '@rpcx/core'
import { ZooKeeperLink } from './link.ts'
import { checkName, Paths } from './paths.ts'
import { parseServers, type ServerAddress } from './server-address.ts'
import { ZooKeeperSession } from './session.ts'

/** Where the registry is. */
export interface ZooKeeperOptions {
  /** `127.0.0.1:2181`, or several members of one ensemble. */
  readonly zooKeeperServers: string | readonly string[]
  /** What all nodes lie below, `/rpcx_test`; slashes at its ends never matter. */
  readonly basePath: string
  /**
   * How long ZooKeeper keeps the entries of a server that crashed, in milliseconds. It grants what its own limits allow, by
   * default 2 to 20 of its ticks. @default 10_000
   */
  readonly sessionTimeoutMs?: number
}

/** ZooKeeper: a session of its own for each of ours, an ephemeral node for each entry. */
export class ZooKeeperDriver implements Driver {
  readonly name = 'zookeeper'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #servers: readonly ServerAddress[]
  readonly #paths: Paths
  readonly #timeoutMs: number
  /** The sessions of our earlier lives: what they still hold is ours to restore. */
  readonly #ourSessions = new Set<string>()

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ZooKeeperOptions) {
    const { zooKeeperServers, basePath, sessionTimeoutMs = 10_000 } = options
    if (!(sessionTimeoutMs >= 1_000 && sessionTimeoutMs <= 86_400_000)) {
      throw new RangeError(
        `zookeeper: sessionTimeoutMs is ${sessionTimeoutMs}, not a number from 1000 to 86400000`,
      )
    }
    this.#servers = parseServers(zooKeeperServers)
    this.#paths = new Paths(basePath)
    this.#timeoutMs = Math.ceil(sessionTimeoutMs)
  }

  check({ service, address, metadata }: Entry): void {
    checkName('service', service)
    // Not known yet before the server listens.
    if (address !== '') checkName('address', address)
    const bytes = Buffer.byteLength(metadata)
    if (bytes > MAX_DATA_BYTES) {
      throw new RangeError(
        `zookeeper: the metadata of ${service} have ${bytes} bytes, more than ZooKeeper's limit of ${MAX_DATA_BYTES}`,
      )
    }
  }

  async open(signal: AbortSignal): Promise<Session> {
    const link = new ZooKeeperLink(this.#servers, this.#timeoutMs)
    const kill = (): void => link.kill(signal.reason as Error)
    signal.addEventListener('abort', kill, { once: true })
    try {
      await link.connect()
      this.#ourSessions.add(link.sessionId)
      return new ZooKeeperSession(link, this.#paths, this.#ourSessions)
    } catch (error) {
      link.kill(error as Error)
      throw error
    } finally {
      signal.removeEventListener('abort', kill)
    }
  }
}

// A request, with its paths and all, may have 1 MiB (jute.maxbuffer); ZooKeeper hangs up on larger ones.
const MAX_DATA_BYTES = 1_000_000
