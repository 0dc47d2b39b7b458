import { setTimeout as sleep } from 'node:timers/promises'
import type { Line } from '@rpcx/testing'
import { Program } from '@rpcx/testing'
import type { Complaint, Held, ProcessEnd } from './history.ts'
import type { Journal } from './journal.ts'

/** A process of a run. Each start gets a new name. The process may end only when the run ends it. */
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

  /** @param settings returns the settings of the process for the name of this start */
  constructor(name: string, file: URL, settings: (run: string) => object, journal: Journal) {
    this.name = name
    this.#file = file
    this.#settings = settings
    this.#journal = journal
  }

  /** Resolves when it reports this event. */
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

  /** The number of starts. */
  get runs(): number {
    return this.#runs
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#current.signal(name)
  }

  say(text: string): void {
    this.#current.say(text)
  }

  /** Sends a command, and resolves to the first later line with this event. */
  async ask(text: string, event: string): Promise<Line> {
    const { events } = this.#current
    const { mark } = events
    this.#current.say(text)
    return (await events.until(line => line.event === event, mark, ANSWER_MS)).what
  }

  async memory(): Promise<Held> {
    return (await this.ask('memory', 'memory')) as unknown as Held
  }

  /** Returns the last line with this event. */
  last(event: string): Line | undefined {
    return this.#current.events.all.findLast(line => line.event === event)
  }

  async kill(): Promise<void> {
    this.#mayEnd = true
    this.#current.signal('SIGKILL')
    await this.#current.exit
  }

  /** Ends the process by a signal or a command, and waits for its exit. That the process exits by itself is part of the test. */
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

  /** Kills the process without waiting. */
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

/** The time limit for the response of a process that was just resumed. */
const ANSWER_MS = 15_000
/** Longer than a server needs to drain its calls and disconnect its clients. */
const END_MS = 20_000
