import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import { castGrpcError, Etcd3, EtcdInvalidAuthTokenError } from 'etcd3'
import type { Access } from './access.ts'
import { isTokenRefused } from './failure.ts'
import type { EtcdAuth, EtcdTls } from './options.ts'

/** The services of one etcd member. */
export class EtcdClient extends Etcd3 {
  /** Aborts when this connection has failed; a new client then takes its place. */
  readonly failed: AbortController = new AbortController()

  constructor(host: string, { auth, tls, httpProxy }: Access) {
    super({
      ...OPTIONS,
      hosts: host,
      // Options of its own give it a connection of its own, which its services share.
      grpcOptions: { ...GRPC_OPTIONS, 'grpc.enable_http_proxy': httpProxy ? 1 : 0, 'rpcx.link': made++ },
      ...(tls && { credentials: credentialsOf(tls) }),
      // The password is asked for below.
      ...(auth && { auth: { username: auth.username, password: '' } }),
    })
    if (auth) this.#logInHere(auth)
  }

  /** Runs it once more, with a new token, when the one that we had is refused. */
  async run<T>(operation: (client: this) => Promise<T>): Promise<T> {
    const { authenticator } = this.#innards
    const used = authenticator.awaitingMetadata
    try {
      return await operation(this)
    } catch (error) {
      if (!isTokenRefused(error)) throw error
      // Somebody else may have logged in again meanwhile.
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
   * The library logs in over a connection of its own that it never closes; again when a token is refused, without end, and not
   * when that is a stream's.
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

/** What the library keeps to itself. */
interface Innards {
  readonly authenticator: {
    /** The token, or the log-in that is under way. */
    awaitingMetadata: Promise<unknown> | null
    getCredentialsFromHost(): Promise<string>
    invalidateMetadata(): void
  }
  readonly hosts: readonly [{ getServiceClient(name: 'Auth'): AuthService }]
}

type AuthService = Record<'authenticate', (user: object, options: object, answered: Answered) => void>

type Answered = (error: Error | null, response: { readonly token: string } | undefined) => void

/** The error, without the password, should etcd repeat it. */
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
  // Room for a hundred thousand servers; also of what was compressed.
  'grpc.max_receive_message_length': 64 * 2 ** 20,
}
