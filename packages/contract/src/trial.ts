import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Driver, DriverTraits, Entry, RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { RegistryDiscovery, systemClock } from '@rpcx/core'
import type { Bench, Outage } from './bench.ts'
import { Member } from './member.ts'
import { Party } from './party.ts'
import { Random } from './random.ts'
import { Rival } from './rival.ts'
import type { Entries } from './view.ts'
import { entriesOf, View } from './view.ts'

/** The reason why a law does not apply to a registry. */
export class NotApplicable extends Error {}

export interface TrialOptions {
  readonly limitMs: number
  readonly strict?: boolean
  readonly seed?: number
}

/** One run of one law. It creates what the law needs, ends the law at its deadline, and closes everything that it opened. */
export class Trial {
  readonly bench: Bench
  readonly traits: DriverTraits
  readonly random: Random
  readonly #limitMs: number
  readonly #slack: number
  readonly #over: AbortController = new AbortController()
  readonly #opened: { close(): Promise<unknown> }[] = []
  readonly #outages: Outage[] = []

  constructor(bench: Bench, options: TrialOptions) {
    const {
      strict = Boolean(process.env.RPCX_STRICT),
      seed = Number(process.env.RPCX_SEED ?? randomBytes(4).readUInt32BE()),
    } = options
    // Each server, list and log adds a listener, which is no leak.
    setMaxListeners(0, this.#over.signal)
    this.bench = bench
    this.traits = bench.driver().traits
    this.random = new Random(seed)
    this.#limitMs = options.limitMs
    this.#slack = strict ? 1 : 3
  }

  /** Aborts at the deadline, or when the law is over. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  async run(law: (trial: Trial) => Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.#over.abort(), this.#limitMs)
    const late = new Promise<never>((_resolve, reject) => {
      // Gives the aborted wait of the law time to throw first, because its error says what it waited for.
      const end = (): unknown =>
        setTimeout(reject, 100, new Error(`not kept within ${this.#limitMs} ms`)).unref()
      this.signal.addEventListener('abort', end, { once: true })
    })
    late.catch(() => {})
    try {
      await Promise.race([law(this), late])
    } finally {
      clearTimeout(timer)
    }
  }

  async end(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#outages.map(outage => outage.end()))
    await Promise.all(this.#opened.map(opened => opened.close()))
  }

  /** Returns a service name that no other law uses. */
  service(): string {
    return `Law${randomBytes(5).toString('hex')}`
  }

  /** Returns a fault of the bench that the law needs. @throws NotApplicable when the bench cannot inject it */
  need<Fault extends 'edit' | 'adopt' | 'remove' | 'put' | 'endSession' | 'missingDirectories'>(
    fault: Fault,
  ): NonNullable<Bench[Fault]> {
    if (fault === 'edit' && !this.traits.edits) throw new NotApplicable('others cannot change its metadata')
    const found = this.bench[fault]
    if (found === undefined) throw new NotApplicable(`its bench has no ${fault}()`)
    return found.bind(this.bench) as NonNullable<Bench[Fault]>
  }

  /** Ends the law without a verdict. @throws NotApplicable */
  doesNotApply(why: string): never {
    throw new NotApplicable(why)
  }

  /** Returns how long a promised time may take here, in milliseconds. */
  allowed(ms: number): number {
    return ms * this.#slack
  }

  /** Starts an outage, which ends with the law at the latest. @throws NotApplicable when the bench cannot make one */
  async outage(): Promise<Outage> {
    this.needOutage()
    const outage = (await this.bench.outage?.()) as Outage
    this.#outages.push(outage)
    return outage
  }

  needOutage(): void {
    if (this.bench.outage === undefined) throw new NotApplicable('its bench has no outage()')
  }

  /** Creates a server that does not listen yet. */
  member(options: RegisterPluginOptions = {}, driver: Driver = this.bench.driver()): Member {
    const member = new Member(driver, { updateIntervalMs: 0, ...options }, this.signal)
    this.#opened.push(member.server)
    return member
  }

  discovery(options: RegistryDiscoveryOptions = {}, driver: Driver = this.bench.driver()): RegistryDiscovery {
    const discovery = new RegistryDiscovery(driver, options)
    this.#opened.push(discovery)
    return discovery
  }

  view(service: string, discovery: RegistryDiscovery = this.discovery()): View {
    return new View(discovery, service, this.signal)
  }

  /** Opens a party, which uses a driver directly. */
  async party(driver: Driver = this.bench.driver()): Promise<Party> {
    const party = await Party.open(driver, this.signal)
    this.#opened.push({ close: () => party.close().catch(() => {}) })
    return party
  }

  async rival(entry: Entry): Promise<Rival> {
    return Rival.claim(await this.party(), entry)
  }

  /** Returns what the registry holds now, as a new client sees it. */
  async listed(service: string): Promise<Entries> {
    const discovery = new RegistryDiscovery(this.bench.driver())
    try {
      return entriesOf(await discovery.list(service, { signal: this.signal }))
    } finally {
      await discovery.close()
    }
  }

  /** Returns the TTL that the registry grants, in milliseconds. */
  async ttlMs(): Promise<number> {
    const session = await this.bench.driver().open(this.signal, systemClock)
    await session.close(this.signal)
    return session.ttlMs
  }

  /** Waits for `happening`, and asserts that it resolves within the promised time. */
  async within<T>(ms: number, what: string, happening: Promise<T>): Promise<T> {
    const since = performance.now()
    const result = await happening
    const took = performance.now() - since
    const limit = this.allowed(ms)
    assert.ok(took <= limit, `${what} took ${Math.round(took)} ms, more than ${limit} ms`)
    return result
  }

  /** Waits for `ms`. For laws in which time itself is the fault, as in an outage. */
  async pass(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal })
  }

  /** Repeats a check until it has no objection. @throws Error with the last objection */
  async settled(objection: () => Promise<string | undefined>): Promise<void> {
    let why: string | undefined = 'nothing was found out in time'
    while (!this.signal.aborted) {
      // An aborted check may say less than the previous one.
      why = await objection().catch(error => (this.signal.aborted ? why : Promise.reject(error)))
      if (why === undefined) return
      await sleep(20)
    }
    throw new Error(why)
  }
}
