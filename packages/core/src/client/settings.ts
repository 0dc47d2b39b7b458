import type { Clock } from '../clock.ts'
import { checkClock } from '../clock.ts'
import { Codecs } from '../codec/codecs.ts'
import { checkLimits } from '../codec/limits.ts'
import { lazy } from '../lazy.ts'
import { checkChoice, checkCount, checkKnown, checkMs, MAX_FRAME_BYTES, shown } from '../options.ts'
import { Transports } from '../transport/transports.ts'
import type { CallerOptions } from './call/caller.ts'
import type { Interceptor } from './call/interceptor.ts'
import { MethodCodec } from './call/method-codec.ts'
import { schemaInterceptor } from './call/schema.ts'
import { ClientMethodTable } from './connection/client-methods.ts'
import type { SharedConnectionOptions } from './connection/shared-connection.ts'
import type { DispatcherOptions } from './endpoints/dispatcher.ts'
import { XCLIENT_OPTIONS } from './known-options.ts'
import { failPolicyOf } from './policy/fail-mode.ts'
import type { FailPolicy } from './policy/fail-policy.ts'
import { selectorsFor } from './select/select-mode.ts'
import type { Subset } from './select/subset.ts'
import type { XClientOptions } from './xclient-options.ts'

/** The checked settings of a client, derived from its options. */
export interface ClientSettings {
  readonly clock: Clock
  readonly caller: CallerOptions
  readonly interceptors: readonly Interceptor[]
  readonly dispatcher: Omit<DispatcherOptions, 'events' | 'pool' | 'suspected' | 'listed'>
  /** Settings of the connection pool, which several services may share. */
  readonly links: Omit<SharedConnectionOptions, 'pushed' | 'pushFailed'>
}

/**
 * Checks the options, applies the defaults and returns the settings.
 * @param failed called when a user function in the options fails and no call can carry the error
 * @throws TypeError or RangeError that names the option
 */
export function checkOptions(
  service: string,
  options: XClientOptions,
  failed: (callback: string, thrown: unknown) => void = () => {},
): ClientSettings {
  checkKnown('XClient', options, XCLIENT_OPTIONS)
  const {
    failMode = 'failfast',
    retries,
    retryBudget = 0.1,
    backupAfter,
    interceptors = [],
    codec = 'msgpack',
    codecs = [],
    types = {},
    compress,
    timeoutMs = 10_000,
    connectTimeoutMs = 1_000,
    heartbeatMs = 10_000,
    heartbeatTimeoutMs = heartbeatMs || 10_000,
    idempotent = false,
    token,
    tls,
    transports,
    offers,
    offerTypes = {},
    group,
    subset,
    maxCallsPerServer = Number.POSITIVE_INFINITY,
    waitForReady = false,
    holdMs = 15_000,
    maxFrameBytes = MAX_FRAME_BYTES,
    maxBufferedBytes = MAX_FRAME_BYTES,
    maxConcurrentReverseCalls = 1_000,
  } = options
  if (typeof service !== 'string' || service === '')
    throw new TypeError(
      `XClient: the name of the service is ${shown(service)}; pass a string that is not empty`,
    )
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function')
    throw new TypeError(`XClient: token is ${typeof token}, not a string or a function`)
  if (tls !== undefined && typeof tls !== 'function' && (typeof tls !== 'object' || tls === null))
    throw new TypeError(`XClient: tls is ${tls === null ? null : typeof tls}, not an object or a function`)
  if (compress !== undefined) checkChoice('XClient', 'compress', compress, ['gzip'])
  const clock = checkClock('XClient', options.clock)
  const schemas = schemaInterceptor(types)
  const newSelector = selectorsFor(clock, service, options, failed)
  const selector = newSelector()
  const failPolicy = failPolicyOf(failMode, backupAfter, failed)
  const limits = checkLimits('XClient', options)
  const all = new Codecs(typeof codec === 'string' ? codecs : [...codecs, codec], limits)
  const methodCodec = new MethodCodec({
    service,
    codec: typeof codec === 'string' ? all.byName(codec) : all.byId(codec.id),
    codecs: all,
    types,
    compress: compress === 'gzip',
    repeats: failPolicy.repeats,
  })
  return {
    clock,
    caller: {
      clock,
      methodCodec,
      timeoutMs: checkMs('XClient', 'timeoutMs', timeoutMs),
      isIdempotent:
        typeof idempotent === 'boolean' ? () => idempotent : method => idempotent.includes(method),
      token,
    },
    interceptors: schemas === undefined ? interceptors : [...interceptors, schemas],
    dispatcher: {
      clock,
      methodCodec,
      failPolicy,
      retries: checkRetries(retries, failPolicy),
      retryBudget: checkBudget(retryBudget),
      selector,
      fallbackSelector: newSelector(),
      pings: selector.pings ?? false,
      group,
      subset: subset === undefined ? undefined : checkSubset(subset),
      maxCallsPerServer: checkCount('XClient', 'maxCallsPerServer', maxCallsPerServer, 1),
      waitForReady,
      holdMs: checkMs('XClient', 'holdMs', holdMs),
    },
    links: {
      clock,
      transports: new Transports('XClient', transports),
      tls,
      offered:
        offers === undefined
          ? undefined
          : new ClientMethodTable(offers, {
              types: offerTypes,
              codecs: all,
              maxFrameBytes,
              maxConcurrent: checkCount('XClient', 'maxConcurrentReverseCalls', maxConcurrentReverseCalls, 1),
              maxHeldBytes: maxBufferedBytes,
              failed,
            }),
      connectTimeoutMs: checkMs('XClient', 'connectTimeoutMs', connectTimeoutMs, 1),
      heartbeatMs,
      peer: {
        clock,
        maxFrameBytes: checkBytes('maxFrameBytes', maxFrameBytes),
        maxUnreadBytes: checkBytes('maxBufferedBytes', maxBufferedBytes),
        isTwoWay: offers !== undefined,
        heartbeat: {
          everyMs: checkMs('XClient', 'heartbeatMs', heartbeatMs),
          timeoutMs: checkMs('XClient', 'heartbeatTimeoutMs', heartbeatTimeoutMs, 1),
        },
        pausesReads: false,
        reusesMessages: true,
      },
    },
  }
}

function checkRetries(retries: number | undefined, { repeats }: FailPolicy): number {
  if (retries === undefined) return 3
  if (!repeats) throw new TypeError('XClient: retries does not work with failMode failfast')
  if (Number.isInteger(retries) && retries >= 0) return retries
  throw new RangeError(`XClient: retries is ${shown(retries)}, not an integer from 0 up`)
}

function checkBudget(share: number): number {
  if (share >= 0) return share
  throw new RangeError(`XClient: retryBudget is ${shown(share)}, not a number from 0 up`)
}

function checkSubset({ size, key = `${lazy.os.hostname()} ${process.pid}` }: Subset): Required<Subset> {
  return { size: checkCount('XClient', 'subset.size', size, 1), key }
}

function checkBytes(option: string, value: number): number {
  // The length fields of an empty frame already take 16 bytes.
  if (Number.isInteger(value) && value >= 16) return value
  throw new RangeError(`XClient: ${option} is ${shown(value)}, not an integer from 16 up`)
}
