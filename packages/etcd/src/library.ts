import { hideSecret } from '@rpcx/core'
import type { Etcd3 } from 'etcd3'
import { castGrpcError, EtcdInvalidAuthTokenError } from 'etcd3'
import type { EtcdAuth } from './options.ts'

/**
 * Replaces the log-in of the library. The library logs in over a separate connection that it never closes. It retries without limit when
 * etcd rejects a token, and does not retry when a stream carried the token.
 * @param callOptions returns gRPC's options of a log-in
 */
export function logInWith(client: Etcd3, { username, password }: EtcdAuth, callOptions: () => object): void {
  const { authenticator, hosts } = poolOf(client)
  authenticator.invalidateMetadata = () => {
    throw new EtcdInvalidAuthTokenError('etcdserver: invalid auth token')
  }
  authenticator.getCredentialsFromHost = async () => {
    const asked = { name: username, password: typeof password === 'function' ? await password() : password }
    if (typeof asked.password !== 'string' || asked.password === '')
      throw new TypeError('etcd: auth.password() returned no password, which is a string that is not empty')
    return new Promise<string>((resolve, reject) => {
      const answered: Answered = (error, response) => {
        if (error) reject(hidden(castGrpcError(error), asked.password))
        else if (typeof response?.token === 'string') resolve(response.token)
        else reject(new Error('etcd answered without a token'))
      }
      hosts[0].getServiceClient('Auth').authenticate(asked, callOptions(), answered)
    })
  }
}

/** Returns the token of the client, or its log-in in progress. */
export function tokenOf(client: Etcd3): Promise<unknown> | null {
  return poolOf(client).authenticator.awaitingMetadata
}

/** Makes the client log in before its next request. */
export function forgetToken(client: Etcd3): void {
  poolOf(client).authenticator.awaitingMetadata = null
}

/** The private members of the library that this package uses. */
interface Pool {
  readonly authenticator: {
    awaitingMetadata: Promise<unknown> | null
    getCredentialsFromHost(): Promise<string>
    invalidateMetadata(): void
  }
  readonly hosts: readonly [{ getServiceClient(name: 'Auth'): AuthService }]
}

type AuthService = Record<'authenticate', (user: object, options: object, answered: Answered) => void>

type Answered = (error: Error | null, response: { readonly token: string } | undefined) => void

function poolOf(client: Etcd3): Pool {
  return (client as unknown as { readonly pool: Pool }).pool
}

/** Removes the password from an error, in case etcd repeats it in the message. */
function hidden(error: Error, password: string): Error {
  error.message = hideSecret(error.message, password, '[password]')
  if (error.stack !== undefined) error.stack = hideSecret(error.stack, password, '[password]')
  return error
}
