import type { ConnectionOptions, TlsOptions } from 'node:tls'
import { decidedNow, toError, watchRejection } from '../callbacks.ts'

/**
 * Returns options whose callbacks cannot throw. `node:tls` calls them during the handshake, where an exception would end the process. Here
 * it fails the handshake.
 */
export function guardedTls<Options extends TlsOptions | ConnectionOptions>(options: Options): Options {
  const guarded: Functions = {}
  const { SNICallback, ALPNCallback, pskCallback, checkServerIdentity } = options as Functions
  if (typeof SNICallback === 'function') {
    guarded.SNICallback = (name, done) => {
      const failed = (thrown: unknown): void => done(toError(thrown, 'SNICallback'))
      try {
        watchRejection(SNICallback(name, done), failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
  }
  if (typeof ALPNCallback === 'function') guarded.ALPNCallback = refusing(ALPNCallback, undefined)
  if (typeof pskCallback === 'function') guarded.pskCallback = refusing(pskCallback, null)
  if (typeof checkServerIdentity === 'function') {
    guarded.checkServerIdentity = (...args) => {
      try {
        return decidedNow('checkServerIdentity', checkServerIdentity(...args))
      } catch (thrown) {
        return toError(thrown, 'checkServerIdentity')
      }
    }
  }
  return Object.keys(guarded).length === 0 ? options : { ...options, ...guarded }
}

/** The callbacks of `node:tls`, for any parameters. */
interface Functions {
  SNICallback?: (name: string, done: (error: Error | null, context?: never) => void) => unknown
  ALPNCallback?: (...args: never[]) => unknown
  pskCallback?: (...args: never[]) => unknown
  checkServerIdentity?: (...args: never[]) => Error | undefined
}

function refusing(
  ask: (...args: never[]) => unknown,
  refusal: undefined | null,
): (...args: never[]) => unknown {
  return (...args) => {
    try {
      return decidedNow('of TLS', ask(...args))
    } catch {
      return refusal
    }
  }
}
