import { RpcxError } from '@rpcx/core'
import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import {
  Etcd3,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdPermissionDeniedError,
  GRPCGenericError,
  GRPCOutOfRangeError,
  KVClient,
  LeaseClient,
  WatchClient,
} from 'etcd3'

/** The services of one etcd member. */
export class EtcdClient extends Etcd3 {
  override readonly kv: KVClient = new KVClient(this.pool)
  readonly leases: LeaseClient = new LeaseClient(this.pool)
  readonly watches: WatchClient = new WatchClient(this.pool)
  /** Aborts when this connection has failed; a new client then takes its place. */
  readonly failed: AbortController = new AbortController()
}

/**
 * The connection of one session. It is dropped as a whole at the first sign of trouble, and the next operation opens one to
 * the next host: neither gRPC's nor the library's own retries come into play, which core could not see.
 */
export class EtcdLink {
  readonly #hosts: readonly string[]
  readonly #onBack: () => void
  #next: number
  #client: EtcdClient | undefined
  #isUp = false

  /** @param onBack called when the first operation succeeds after a failure */
  constructor(hosts: readonly string[], onBack: () => void) {
    this.#hosts = hosts
    this.#onBack = onBack
    this.#next = Math.floor(Math.random() * hosts.length)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Runs one operation. @throws `ERR_RPCX_REGISTRY`, or `ERR_RPCX_AUTH` when etcd refuses us */
  async run<T>(what: string, operation: (client: EtcdClient) => Promise<T>): Promise<T> {
    this.#client ??= this.#connect()
    const client = this.#client
    const host = this.#hosts[this.#next] as string
    try {
      const result = await operation(client)
      if (!this.#isUp && this.#client === client) {
        this.#isUp = true
        this.#onBack()
      }
      return result
    } catch (cause) {
      if (isConnectionError(cause)) this.#drop(client)
      throw explain(cause as Error, `etcd ${host}: ${what}`)
    }
  }

  close(): void {
    if (this.#client !== undefined) this.#drop(this.#client)
  }

  #connect(): EtcdClient {
    return new EtcdClient({ ...OPTIONS, hosts: this.#hosts[this.#next] as string })
  }

  #drop(client: EtcdClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    this.#isUp = false
    this.#next = (this.#next + 1) % this.#hosts.length
    client.failed.abort()
    client.close()
  }
}

// A hung member is noticed by gRPC's pings on a watch, and by this deadline on a call.
const CALL_MS = 3_000

// etcd refuses pings more often than every 5 s.
const OPTIONS: Omit<IOptions, 'hosts'> = {
  defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_MS }),
  // The library retries without a pause, and its circuit breaker hides the cause. Core retries.
  faultHandling: { global: noop, host: () => noop },
  grpcOptions: {
    'grpc.keepalive_time_ms': 5_000,
    'grpc.keepalive_timeout_ms': 2_000,
    // A connection shared with other clients would keep the back-off of its last failure.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  },
}

/** Whether another connection may do better: etcd itself did not answer, or could not. */
function isConnectionError(error: unknown): boolean {
  return error instanceof GRPCGenericError && !(error instanceof GRPCOutOfRangeError)
}

function explain(cause: Error, what: string): RpcxError {
  if (cause instanceof RpcxError) return cause
  const isRefusal =
    cause instanceof EtcdAuthenticationFailedError ||
    cause instanceof EtcdInvalidAuthTokenError ||
    cause instanceof EtcdPermissionDeniedError
  return new RpcxError(isRefusal ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY', `${what}: ${cause.message}`, {
    cause,
  })
}
