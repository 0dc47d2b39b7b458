import { noop } from 'cockatiel'
import type { IOptions } from 'etcd3'
import { castGrpcError, Etcd3 } from 'etcd3'
import type { Access } from './access.ts'
import type { EtcdAuth, EtcdTls } from './index.ts'

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

  override close(): void {
    this.failed.abort()
    super.close()
  }

  /** The library logs in again when its token is refused, at once and over a connection of its own that it never closes. */
  #logInHere({ username, password }: EtcdAuth): void {
    const { authenticator, hosts } = this.pool as unknown as Innards
    let lastAt = Number.NEGATIVE_INFINITY
    authenticator.getCredentialsFromHost = async () => {
      if (performance.now() - lastAt < RENEWAL_MS) throw new Error('a new token was refused')
      const asked = { name: username, password: typeof password === 'function' ? await password() : password }
      const token = await new Promise<string>((resolve, reject) => {
        const answered: Answered = (error, response) => {
          if (error) reject(hidden(castGrpcError(error), asked.password))
          else if (typeof response?.token === 'string') resolve(response.token)
          else reject(new Error('etcd answered without a token'))
        }
        hosts[0].getServiceClient('Auth').authenticate(asked, { deadline: Date.now() + CALL_MS }, answered)
      })
      lastAt = performance.now()
      return token
    }
  }
}

/** What the library keeps to itself. */
interface Innards {
  readonly authenticator: { getCredentialsFromHost(): Promise<string> }
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

// A token that was refused so soon is refused for another reason than its age.
const RENEWAL_MS = 1_000

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
