import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Availability, available, type Kind } from './binaries.ts'
import { untilResolved } from './deadline.ts'
import { containerCommand } from './docker.ts'
import { ForeignServer } from './foreign.ts'
import { type Place, takePlace } from './place.ts'
import { GuardedProcess } from './process.ts'

export interface ServerOptions {
  /** How long a start and each restart may take until the server answers, default 30 000. */
  startTimeoutMs?: number
}

export interface RestartOptions {
  /** Start without any data, default false. */
  wipe?: boolean
}

/** A registry server for tests, answering since before the caller got it. Whoever started it stops it. */
export interface Server extends AsyncDisposable {
  readonly kind: Kind
  /** `host:port` of the client port; the same for the server's whole life. */
  readonly address: string
  /** False for a server named by an environment variable: everything below but `stop` rejects then. */
  readonly controllable: boolean
  /** Undefined while no process runs, and for a server that is not ours; with Docker its client's, not the server's. */
  readonly pid: number | undefined
  /** Ends the process with SIGKILL and keeps the data; does nothing when it has ended. */
  kill(): Promise<void>
  /** Suspends the process with SIGSTOP: connections stay open and nothing is answered, from now until `resume`. */
  pause(): Promise<void>
  /** Lets a suspended process go on with SIGCONT. */
  resume(): Promise<void>
  /** Kills the process if it runs, then starts it on the same port; resolves when the server answers. */
  restart(options?: RestartOptions): Promise<void>
  /** Removes all data. A running server is restarted for it, an ended one stays ended. */
  wipe(): Promise<void>
  /** Resolves to the last lines that the process wrote, at most 40. */
  log(): Promise<string>
  /** Ends the process and removes its data, for good; further calls do nothing. */
  stop(): Promise<void>
}

/** What one kind of server needs to be started: all that differs between etcd, ZooKeeper and Consul. */
export interface Recipe {
  readonly kind: Kind
  /** Writes configuration into the place's folder; resolves to arguments that keep all data in `place.folder/data`. */
  prepare(place: Place, origin: Launchable): Promise<Preparation>
  /** Resolves when the server at this address does its work, rejects when not yet. */
  ask(address: string): Promise<void>
}

export interface Preparation {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export type Launchable = Extract<Availability, { from: 'path' | 'cache' | 'docker' }>

/** Starts a server of this kind. Rejects when there is no binary, or with the log's end when it does not answer. */
export async function startServer(recipe: Recipe, options: ServerOptions): Promise<Server> {
  const origin = await available(recipe.kind)
  if (origin.from === 'nowhere') throw new Error(origin.reason)
  const { startTimeoutMs = 30_000 } = options
  if (origin.from === 'environment') {
    await answering(recipe, origin.address, startTimeoutMs)
    return new ForeignServer(recipe.kind, origin.address)
  }
  for (let attempt = 1; ; attempt++) {
    const server = new OwnServer(recipe, origin, await takePlace(), startTimeoutMs)
    try {
      await server.restart()
      return server
    } catch (error) {
      const portTaken = /address already in use|port is already allocated/i.test(await server.log())
      await server.stop()
      if (!portTaken || attempt === 5) throw error
    }
  }
}

function answering(recipe: Recipe, address: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const what = `${recipe.kind} at ${address} to answer`
  return untilResolved(() => recipe.ask(address), { what, timeoutMs, ...(signal && { signal }) })
}

class OwnServer implements Server {
  readonly kind: Kind
  readonly address: string
  readonly controllable = true
  readonly #recipe: Recipe
  readonly #origin: Launchable
  readonly #place: Place
  readonly #startTimeoutMs: number
  #process: GuardedProcess | undefined
  #stopped = false

  constructor(recipe: Recipe, origin: Launchable, place: Place, startTimeoutMs: number) {
    this.kind = recipe.kind
    this.address = `127.0.0.1:${place.ports[0]}`
    this.#recipe = recipe
    this.#origin = origin
    this.#place = place
    this.#startTimeoutMs = startTimeoutMs
  }

  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  async pause(): Promise<void> {
    await this.#live().pause()
  }

  async resume(): Promise<void> {
    await this.#live().resume()
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    if (this.#stopped) throw new Error(`${this.kind} at ${this.address} was stopped for good`)
    await this.kill()
    if (options.wipe) await this.#removeData()
    await this.#start()
  }

  async wipe(): Promise<void> {
    if (this.#process?.running) return this.restart({ wipe: true })
    await this.#removeData()
  }

  async log(): Promise<string> {
    const text = await readFile(this.#logFile, 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-40).join('\n')
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.kill()
    await rm(this.#place.folder, { recursive: true, force: true })
    this.#process?.forget()
    this.#process = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #start(): Promise<void> {
    const { folder } = this.#place
    await mkdir(join(folder, 'data'), { recursive: true, mode: 0o700 })
    const { args, env } = await this.#recipe.prepare(this.#place, this.#origin)
    const launch = { folder, log: this.#logFile, env }
    const guarded =
      this.#origin.from === 'docker'
        ? { ...launch, ...containerCommand(this.#origin, this.#place, args, env) }
        : { ...launch, command: [...this.#origin.command, ...args] as [string, ...string[]] }
    const before = this.#process
    this.#process = await GuardedProcess.start(guarded)
    before?.forget()
    await this.#waitFor(this.#process)
  }

  async #waitFor(started: GuardedProcess): Promise<void> {
    const ended = new AbortController()
    started.exited.then(how => ended.abort(new Error(how)))
    try {
      await answering(this.#recipe, this.address, this.#startTimeoutMs, ended.signal)
    } catch (cause) {
      await started.kill()
      throw new Error(`${this.kind} did not start: ${(cause as Error).message}\n${await this.log()}`, {
        cause,
      })
    }
  }

  #live(): GuardedProcess {
    if (!this.#process?.running) throw new Error(`${this.kind} at ${this.address} does not run`)
    return this.#process
  }

  async #removeData(): Promise<void> {
    await rm(join(this.#place.folder, 'data'), { recursive: true, force: true })
  }

  get #logFile(): string {
    return join(this.#place.folder, 'log')
  }
}
