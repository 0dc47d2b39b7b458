import type { CallContext } from '../call/call-context.ts'
import { toError, wrongResult } from '../callbacks.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import { checkKnown, shown } from '../options.ts'
import { hostOf } from './address-list.ts'

/** The limit on the rate of calls. */
export interface RateLimitOptions {
  /** The calls per second that each bucket allows in the long run. */
  readonly callsPerSecond: number
  /** The number of calls that may come at once after a pause. @default callsPerSecond, but at least 1 */
  readonly burst?: number
  /**
   * Which calls share a bucket: those to one service, those from one host, or those for which the function returns the same string.
   * @default 'service'
   */
  readonly by?: 'service' | 'caller' | ((call: CallContext) => string)
}

/** What a rate limit needs from its server. */
export interface RateLimitHost {
  /** Returns whether the server has this service. Callers may invent names. */
  offers(service: string): boolean
  /** Reports an error of `rateLimit.by`. */
  callbackFailed(callback: string, error: Error): void
}

/** Token buckets, one for each service, caller or key. A bucket takes one number. Full buckets make room for new ones. */
export class RateLimit {
  readonly #clock: Clock
  readonly #by: (call: CallContext) => string
  readonly #host: RateLimitHost
  /** Whether calls count before authentication. True for limits by host, because the host is known without it. */
  readonly countsStrangers: boolean
  readonly #everyMs: number
  readonly #slackMs: number
  /** The time at which each bucket will be full again, by the clock. */
  readonly #fullAt = new Map<string, number>()

  /** @throws RangeError or TypeError that names the option */
  constructor(clock: Clock, options: RateLimitOptions, host: RateLimitHost) {
    checkKnown('Server: rateLimit', options, OPTIONS)
    const { callsPerSecond, burst = Math.max(callsPerSecond, 1), by = 'service' } = options
    checkPositive('callsPerSecond', callsPerSecond, Number.MIN_VALUE)
    checkPositive('burst', burst, 1)
    if (typeof by !== 'function' && by !== 'service' && by !== 'caller') {
      throw new TypeError(`Server: rateLimit.by is ${shown(by)}, not service, caller or a function`)
    }
    this.#clock = clock
    this.#host = host
    this.countsStrangers = by === 'caller'
    if (typeof by === 'function') this.#by = call => this.#ask(by, call)
    else if (by === 'caller') this.#by = ({ remoteAddress }) => networkOf(hostOf(remoteAddress))
    else this.#by = ({ service }) => (host.offers(service) ? service : SHARED)
    this.#everyMs = 1000 / callsPerSecond
    this.#slackMs = (burst - 1) * this.#everyMs
  }

  /** Takes a token. Returns `false` when there is none. @throws `ERR_RPCX_SERVICE` when `rateLimit.by` fails */
  takes(call: CallContext): boolean {
    const now = this.#clock.now()
    let key = this.#by(call)
    if (this.#fullAt.size >= MAX_BUCKETS && !this.#fullAt.has(key) && !this.#makeRoom(now)) key = SHARED
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now)
    if (fullAt - now > this.#slackMs) return false
    this.#fullAt.set(key, fullAt + this.#everyMs)
    return true
  }

  #ask(by: (call: CallContext) => unknown, call: CallContext): string {
    try {
      const key = by(call)
      if (typeof key === 'string') return key
      throw wrongResult('rateLimit.by', key, 'a string')
    } catch (thrown) {
      this.#host.callbackFailed('rateLimit.by', toError(thrown, 'rateLimit.by'))
      throw new RpcxError('ERR_RPCX_SERVICE', 'rpcx: the rate limit of the server failed', { cause: thrown })
    }
  }

  /** Removes a full bucket, if there is one among the oldest few. A search of all buckets for each new caller would help an attacker. */
  #makeRoom(now: number): boolean {
    let looks = 0
    for (const [key, fullAt] of this.#fullAt) {
      if (fullAt <= now) {
        this.#fullAt.delete(key)
        return true
      }
      // Moves the bucket to the end, so that the next search checks others.
      this.#fullAt.delete(key)
      this.#fullAt.set(key, fullAt)
      if (++looks === MOST_LOOKS) return false
    }
    return false
  }
}

const MAX_BUCKETS = 10_000
const MOST_LOOKS = 8

/** The key of the bucket for all calls without their own. No service or host has this name. */
const SHARED = ''

/** Returns an IPv4 address as it is, and the /64 network of an IPv6 address: a host usually owns its whole /64. */
function networkOf(ip: string): string {
  if (lazy.net.isIP(ip) !== 6) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':').filter(Boolean)
  if (tail !== undefined) {
    const rest = tail.split(':').filter(Boolean)
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  // An IPv4 address that is written as IPv6.
  if (ip.includes('.')) return groups.at(-1) ?? ip
  return groups.slice(0, 4).join(':')
}

function checkPositive(option: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return
  throw new RangeError(
    `Server: rateLimit.${option} is ${shown(value)}, not a number from ${least < 1 ? 0 : least} up`,
  )
}

const OPTIONS: Readonly<Record<keyof RateLimitOptions, true>> = {
  callsPerSecond: true,
  burst: true,
  by: true,
}
