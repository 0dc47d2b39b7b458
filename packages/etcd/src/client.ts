import { setMaxListeners } from 'node:events'
import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import { Etcd3 } from 'etcd3'
import type { Access } from './access.ts'
import { isTokenRefused } from './failure.ts'
import { forgetToken, logInWith, tokenOf } from './library.ts'
import type { EtcdTls } from './options.ts'

/** The gRPC clients for one etcd member. */
export class EtcdClient extends Etcd3 {
  /** Aborts with the failure when this connection fails. The caller then creates a new client. */
  readonly failed: AbortController = new AbortController()

  constructor(host: string, { auth, tls, httpProxy }: Access) {
    super({
      ...OPTIONS,
      hosts: host,
      // gRPC shares connections between clients with equal options. A unique option gives this client its own connection.
      grpcOptions: {
        ...GRPC_OPTIONS,
        'grpc.enable_http_proxy': httpProxy ? 1 : 0,
        'rpcx.connection': made++,
      },
      ...(tls && { credentials: credentialsOf(tls) }),
      // `logInWith` asks for the password at each log-in.
      ...(auth && { auth: { username: auth.username, password: '' } }),
    })
    // Each watch adds a listener.
    setMaxListeners(0, this.failed.signal)
    if (auth) logInWith(this, auth, limited)
  }

  /** Runs an operation. If etcd rejects the token, logs in again and repeats the operation once. */
  async run<T>(operation: (client: this) => Promise<T>): Promise<T> {
    const used = tokenOf(this)
    try {
      return await operation(this)
    } catch (error) {
      if (!isTokenRefused(error)) throw error
      // Another operation may have logged in again meanwhile.
      if (tokenOf(this) === used) forgetToken(this)
      return operation(this)
    }
  }

  /** @param why the failure because of which the connection closes */
  override close(why: unknown = new Error('the connection is closed')): void {
    this.failed.abort(why)
    super.close()
  }
}

function credentialsOf({ ca = '', cert, key }: EtcdTls): NonNullable<IOptions['credentials']> {
  const rootCertificate = Buffer.from(ca)
  if (cert === undefined || key === undefined) return { rootCertificate }
  return { rootCertificate, certChain: Buffer.from(cert), privateKey: Buffer.from(key) }
}

let made = 0

// gRPC's keepalive pings detect a hung member on a watch; this deadline detects it on a call.
const CALL_MS = 3_000
const limited = (): { deadline: number } => ({ deadline: Date.now() + CALL_MS })

const OPTIONS: Omit<IOptions, 'hosts'> = {
  defaultCallOptions: ({ isStream }) => (isStream ? {} : limited()),
  // The library retries without a pause, and its circuit breaker hides the cause. `@rpcx/core` retries instead.
  faultHandling: { global: noop, host: () => noop },
}

const GRPC_OPTIONS: NonNullable<IOptions['grpcOptions']> = {
  // etcd rejects pings that come more often than every 5 s.
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 2_000,
  // Enough for a list of a hundred thousand servers. The limit also applies to decompressed messages.
  'grpc.max_receive_message_length': 64 * 2 ** 20,
}
