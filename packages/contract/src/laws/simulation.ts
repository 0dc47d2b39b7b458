import { isDeepStrictEqual } from 'node:util'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import type { Member } from '../member.ts'
import type { Trial } from '../trial.ts'
import type { View } from '../view.ts'

export const simulation: Readonly<Record<string, Law>> = {
  'every list equals the registry once all changes have ended, whatever happened before': law(
    'the law that fails alone with RPCX_SEED of this run; most often `watchService()` and `watchEntry()` of driver.ts after a reconnect',
    async trial => {
      const world = new World(trial)
      try {
        for (let round = 0; round < ROUNDS; round++) await world.round()
      } catch (cause) {
        const { message } = cause as Error
        const told = world.history.slice(-20).join(', ')
        throw new Error(`${message}\nafter ${told}\nRPCX_SEED=${trial.random.seed} runs the same again`, {
          cause,
        })
      }
    },
    120_000,
  ),
}

const ROUNDS = 8
const STEPS = 6

/** One server, and the metadata that the registry should hold for it. */
interface Inhabitant {
  readonly member: Member
  /** The number in its own metadata. `edit` is the number in a change by others. */
  own: number
  edit: number | undefined
}

/** A service with its servers, foreign entries and watchers, and the state that all of them should show. */
class World {
  readonly history: string[] = []
  readonly #trial: Trial
  readonly #service: string
  readonly #inhabitants: Inhabitant[] = []
  readonly #foreignEntries = new Map<string, string>()
  readonly #views: View[]
  #clock = 0

  constructor(trial: Trial) {
    this.#trial = trial
    this.#service = trial.service()
    this.#views = [trial.view(this.#service), trial.view(this.#service)]
  }

  /** Does a few things at once, then waits until the registry is at rest. */
  async round(): Promise<void> {
    const { bench, random } = this.#trial
    const outage = random.below(4) === 0 && bench.outage !== undefined ? await this.#outage() : undefined
    const free = [...this.#inhabitants]
    const steps: Promise<unknown>[] = []
    for (let step = 0; step < STEPS; step++) {
      const [inhabitant] = free.splice(random.below(Math.max(1, free.length)), 1)
      if (inhabitant === undefined || random.below(4) === 0) steps.push(this.#arrive())
      else if (outage !== undefined || random.below(3) === 0) steps.push(this.#change(inhabitant))
      else steps.push(this.#happen(inhabitant))
    }
    if (outage === undefined && bench.put !== undefined) steps.push(this.#changeForeignEntry())
    await outage?.end()
    await Promise.all(steps)
    await this.#rest()
  }

  async #outage(): Promise<{ end(): Promise<void> }> {
    this.history.push('outage')
    return this.#trial.outage()
  }

  async #arrive(): Promise<void> {
    if (this.#inhabitants.length >= 12) return
    const own = ++this.#clock
    const member = this.#trial.member().offer(this.#service, `own=${own}`)
    this.#inhabitants.push({ member, own, edit: undefined })
    this.history.push(`register own=${own}`)
    await member.start()
  }

  async #change(inhabitant: Inhabitant): Promise<void> {
    inhabitant.own = ++this.#clock
    this.history.push(`update own=${inhabitant.own}`)
    // In an outage this may take too long and reject. The server still writes the metadata later.
    await inhabitant.member.server.setMetadata(this.#service, `own=${inhabitant.own}`).catch(() => {})
  }

  async #happen(inhabitant: Inhabitant): Promise<void> {
    const { bench, random, traits } = this.#trial
    const { address, server } = inhabitant.member
    switch (random.below(4)) {
      case 0: {
        this.history.push(`close own=${inhabitant.own}`)
        this.#inhabitants.splice(this.#inhabitants.indexOf(inhabitant), 1)
        return server.close()
      }
      case 1: {
        if (bench.edit === undefined || !traits.edits) return
        inhabitant.edit = ++this.#clock
        this.history.push(`edit own=${inhabitant.own} edit=${inhabitant.edit}`)
        // The server writes the keys in order, which shows that it has seen the edit.
        return bench.edit(this.#service, address, `own=${inhabitant.own}&edit=${inhabitant.edit}`)
      }
      case 2: {
        this.history.push(`delete own=${inhabitant.own}`)
        return bench.remove?.(this.#service, address)
      }
      default: {
        this.history.push(`end the session of own=${inhabitant.own}`)
        return bench.endSession?.(this.#service, address)
      }
    }
  }

  async #changeForeignEntry(): Promise<void> {
    const { bench, random } = this.#trial
    const address = `tcp@10.9.8.${random.below(4)}:1`
    if (random.below(2) === 0) {
      this.#foreignEntries.delete(address)
      this.history.push(`remove foreign entry ${address}`)
      await bench.remove?.(this.#service, address)
    } else {
      const metadata = `foreign=${++this.#clock}`
      this.#foreignEntries.set(address, metadata)
      this.history.push(`put foreign entry ${address} ${metadata}`)
      await bench.put?.(this.#service, address, metadata)
    }
  }

  async #rest(): Promise<void> {
    const expected = new Map(this.#foreignEntries)
    for (const inhabitant of this.#inhabitants) {
      expected.set(inhabitant.member.address, metadataOf(inhabitant))
    }
    const entries = Object.fromEntries(expected)
    await this.#trial.settled(async () => {
      const listed = await this.#trial.listed(this.#service)
      if (isDeepStrictEqual(listed, entries)) return undefined
      return `the registry holds ${JSON.stringify(listed)}, not ${JSON.stringify(entries)}`
    })
    for (const view of this.#views) await view.shows(entries)
  }
}

function metadataOf({ own, edit }: Inhabitant): string {
  return edit === undefined ? `own=${own}` : `edit=${edit}&own=${own}`
}
