import { connect } from 'node:http2'
import { RpcxError } from '@rpcx/core'
import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import {
  Etcd3,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdPermissionDeniedError,
  GRPCUnavailableError,
} from 'etcd3'

/** The services of one etcd member. */
export class EtcdClient extends Etcd3 {
  /** Aborts when this connection has failed; a new client then takes its place. */
  readonly failed: AbortController = new AbortController()

  override close(): void {
    this.failed.abort()
    super.close()
  }
}

/**
 * The connection of one session. It is dropped as a whole at the first sign of trouble, and the next operation opens one to
 * the next host: neither gRPC's nor the library's own retries come into play, which core could not see.
 */
export class EtcdLink {
  readonly #hosts: readonly string[]
  readonly #onBack: () => void
  #next: number
  #client: Promise<EtcdClient> | undefined
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
    const host = this.#hosts[this.#next] as string
    this.#client ??= open(host)
    const opened = this.#client
    try {
      const result = await operation(await opened)
      if (!this.#isUp && this.#client === opened) {
        this.#isUp = true
        this.#onBack()
      }
      return result
    } catch (cause) {
      if (!isAnswer(cause)) this.#drop(opened)
      throw explain(cause as Error, `etcd ${host}: ${what}`)
    }
  }

  close(): void {
    if (this.#client !== undefined) this.#drop(this.#client)
  }

  #drop(opened: Promise<EtcdClient>): void {
    if (this.#client !== opened) return
    this.#client = undefined
    this.#isUp = false
    this.#next = (this.#next + 1) % this.#hosts.length
    opened.then(client => client.close()).catch(() => {})
  }
}

interface EndableStream {
  on(event: 'error', listener: () => void): unknown
  end(): void
  cancel(): void
}

/**
 * Ends a stream that nobody needs any more. The library takes one that is cancelled while it can be written for a failed host,
 * and closes the connection under all others.
 */
export function hangUp(stream: EndableStream): void {
  stream.on('error', () => {})
  stream.end()
  stream.cancel()
}

let opened = 0

async function open(host: string): Promise<EtcdClient> {
  await knock(host)
  // Options of its own give it a connection of its own, which its services share.
  return new EtcdClient({ ...OPTIONS, hosts: host, grpcOptions: { ...GRPC_OPTIONS, 'rpcx.link': opened++ } })
}

/** Whether HTTP/2 is spoken there. gRPC, where it fails to connect, tries once more behind our back, even when closed. */
async function knock(host: string): Promise<void> {
  const session = connect(`http://${host}`)
  const answered = new Promise<unknown>((resolve, reject) => {
    session.setTimeout(CALL_MS, () => reject(new Error(`no answer within ${CALL_MS} ms`)))
    session.on('error', reject)
    session.on('close', () => reject(new Error('the connection was closed')))
    session.on('remoteSettings', resolve)
  })
  await answered.finally(() => session.destroy())
}

// A hung member is noticed by gRPC's pings on a watch, and by this deadline on a call.
const CALL_MS = 3_000

const OPTIONS: Omit<IOptions, 'hosts'> = {
  defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_MS }),
  // The library retries without a pause, and its circuit breaker hides the cause. Core retries.
  faultHandling: { global: noop, host: () => noop },
}

const GRPC_OPTIONS: NonNullable<IOptions['grpcOptions']> = {
  // etcd refuses pings more often than every 5 s.
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.max_receive_message_length': -1,
}

/** Whether etcd itself said so, and another connection would hear the same. */
function isAnswer(error: unknown): boolean {
  if (error instanceof GRPCUnavailableError) return false
  return error instanceof RpcxError || (error as Error).message.includes('etcdserver: ')
}

function explain(cause: Error, what: string): RpcxError {
  if (cause instanceof RpcxError) return cause
  const isRefusal =
    cause instanceof EtcdAuthenticationFailedError ||
    cause instanceof EtcdInvalidAuthTokenError ||
    cause instanceof EtcdPermissionDeniedError ||
    cause.message.includes('user name is empty')
  return new RpcxError(isRefusal ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY', `${what}: ${cause.message}`, {
    cause,
  })
}
