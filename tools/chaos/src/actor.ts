import { setTimeout as sleep } from 'node:timers/promises'
import type { Line } from '@rpcx/testing'
import { Program } from '@rpcx/testing'
import type { Complaint, Held, ProcessEnd } from './history.ts'
import type { Journal } from './journal.ts'

/** A process of ours under another name for each time that it is started; it may end only as it was told to. */
export class Actor {
  readonly name: string
  readonly ends: ProcessEnd[] = []
  readonly complaints: Complaint[] = []
  readonly #file: URL
  readonly #settings: (run: string) => object
  readonly #journal: Journal
  #runs = 0
  #program: Program | undefined
  #mayEnd = false

  /** @param settings of the process, given the name of this run of it */
  constructor(name: string, file: URL, settings: (run: string) => object, journal: Journal) {
    this.name = name
    this.#file = file
    this.#settings = settings
    this.#journal = journal
  }

  /** Resolves when it tells this event. */
  async start(event: string): Promise<void> {
    const run = `${this.name}#${++this.#runs}`
    const program = new Program(this.#file, this.#settings(run))
    this.#program = program
    this.#mayEnd = false
    void program.exit.then(({ code, signal }) => {
      for (const line of program.events.all) {
        if (line.event === 'complaint') this.complaints.push({ who: run, what: String(line.what) })
      }
      const how = signal ?? `code ${code}`
      const asked = this.#mayEnd && (signal === 'SIGKILL' || code === 0)
      this.ends.push({ who: run, at: Math.round(this.#journal.now()), how, asked })
      if (!asked) this.#journal.add(`${run} ended with ${how}, which nobody asked for`)
    })
    const started = program.events.until(line => line.event === event)
    await Promise.race([started, program.exit])
    this.#journal.add(`${run} is there`)
  }

  /** How often it was started. */
  get runs(): number {
    return this.#runs
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#current.signal(name)
  }

  say(text: string): void {
    this.#current.say(text)
  }

  /** Says it, and resolves to the first line with this event after. */
  async ask(text: string, event: string): Promise<Line> {
    const { events } = this.#current
    const { mark } = events
    this.#current.say(text)
    return (await events.until(line => line.event === event, mark, ANSWER_MS)).what
  }

  async memory(): Promise<Held> {
    return (await this.ask('memory', 'memory')) as unknown as Held
  }

  /** The last line with this event. */
  last(event: string): Line | undefined {
    return this.#current.events.all.findLast(line => line.event === event)
  }

  async kill(): Promise<void> {
    this.#mayEnd = true
    this.#current.signal('SIGKILL')
    await this.#current.exit
  }

  /** Ends it by a signal, or by a word, and waits until it has ended: that it does so itself is part of what is tested. */
  async end(how: 'SIGTERM' | 'close'): Promise<void> {
    this.#mayEnd = true
    const program = this.#current
    if (how === 'close') program.say('close')
    else program.signal('SIGTERM')
    const over = new AbortController()
    const late = sleep(END_MS, undefined, { signal: over.signal, ref: false }).then(
      () => {
        this.#mayEnd = false
        this.#journal.add(`${this.name} did not end within ${END_MS} ms of ${how}`)
        program.signal('SIGKILL')
      },
      () => {},
    )
    await program.exit
    over.abort()
    await late
  }

  /** Ends it at once, and waits for nothing. */
  abandon(): void {
    this.#mayEnd = true
    this.#program?.signal('SIGKILL')
  }

  /** Whatever it does. */
  async dispose(): Promise<void> {
    this.#mayEnd = true
    await this.#program?.close()
  }

  get #current(): Program {
    if (this.#program === undefined) throw new Error(`${this.name} was not started`)
    return this.#program
  }
}

/** How long an answer may take from a process that has been set free a moment ago. */
const ANSWER_MS = 15_000
/** Longer than a server takes to drain its calls and to let its clients go. */
const END_MS = 20_000
