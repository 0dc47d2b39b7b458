import { setMaxListeners } from 'node:events'
import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import { castGrpcError, Etcd3, EtcdInvalidAuthTokenError } from 'etcd3'
import type { Access } from './access.ts'
import { isTokenRefused } from './failure.ts'
import type { EtcdAuth, EtcdTls } from './options.ts'

/** The gRPC clients for one etcd member. */
export class EtcdClient extends Etcd3 {
  /** Aborts when this connection fails. The caller then creates a new client. */
  readonly failed: AbortController = new AbortController()

  constructor(host: string, { auth, tls, httpProxy }: Access) {
    super({
      ...OPTIONS,
      hosts: host,
      // gRPC shares connections between clients with equal options. A unique option gives this client its own connection.
      grpcOptions: { ...GRPC_OPTIONS, 'grpc.enable_http_proxy': httpProxy ? 1 : 0, 'rpcx.link': made++ },
      ...(tls && { credentials: credentialsOf(tls) }),
      // `#logInHere` asks for the password at each log-in.
      ...(auth && { auth: { username: auth.username, password: '' } }),
    })
    // Each watch adds a listener.
    setMaxListeners(0, this.failed.signal)
    if (auth) this.#logInHere(auth)
  }

  /** Runs an operation. If etcd rejects the token, logs in again and repeats the operation once. */
  async run<T>(operation: (client: this) => Promise<T>): Promise<T> {
    const { authenticator } = this.#innards
    const used = authenticator.awaitingMetadata
    try {
      return await operation(this)
    } catch (error) {
      if (!isTokenRefused(error)) throw error
      // Another operation may have logged in again meanwhile.
      if (authenticator.awaitingMetadata === used) authenticator.awaitingMetadata = null
      return operation(this)
    }
  }

  override close(): void {
    this.failed.abort()
    super.close()
  }

  get #innards(): Innards {
    return this.pool as unknown as Innards
  }

  /**
   * Replaces the log-in of the library. The library logs in over a separate connection that it never closes. It retries without limit when
   * etcd rejects a token, and does not retry when a stream carried the token.
   */
  #logInHere({ username, password }: EtcdAuth): void {
    const { authenticator, hosts } = this.#innards
    authenticator.invalidateMetadata = () => {
      throw new EtcdInvalidAuthTokenError('etcdserver: invalid auth token')
    }
    authenticator.getCredentialsFromHost = async () => {
      const asked = { name: username, password: typeof password === 'function' ? await password() : password }
      return new Promise<string>((resolve, reject) => {
        const answered: Answered = (error, response) => {
          if (error) reject(hidden(castGrpcError(error), asked.password))
          else if (typeof response?.token === 'string') resolve(response.token)
          else reject(new Error('etcd answered without a token'))
        }
        hosts[0].getServiceClient('Auth').authenticate(asked, { deadline: Date.now() + CALL_MS }, answered)
      })
    }
  }
}

/** The private members of the library that this client uses. */
interface Innards {
  readonly authenticator: {
    /** The token, or the log-in in progress. */
    awaitingMetadata: Promise<unknown> | null
    getCredentialsFromHost(): Promise<string>
    invalidateMetadata(): void
  }
  readonly hosts: readonly [{ getServiceClient(name: 'Auth'): AuthService }]
}

type AuthService = Record<'authenticate', (user: object, options: object, answered: Answered) => void>

type Answered = (error: Error | null, response: { readonly token: string } | undefined) => void

/** Removes the password from an error, in case etcd repeats it in the message. */
function hidden(error: Error, password: string): Error {
  error.message = error.message.replaceAll(password, '[password]')
  if (error.stack !== undefined) error.stack = error.stack.replaceAll(password, '[password]')
  return error
}

function credentialsOf({ ca = '', cert, key }: EtcdTls): NonNullable<IOptions['credentials']> {
  const rootCertificate = Buffer.from(ca)
  if (cert === undefined || key === undefined) return { rootCertificate }
  return { rootCertificate, certChain: Buffer.from(cert), privateKey: Buffer.from(key) }
}

let made = 0

// gRPC's keepalive pings detect a hung member on a watch; this deadline detects it on a call.
const CALL_MS = 3_000

const OPTIONS: Omit<IOptions, 'hosts'> = {
  defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_MS }),
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
