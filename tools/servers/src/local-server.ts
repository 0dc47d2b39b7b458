import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { untilResolved } from './deadline.ts'
import { containerCommand } from './docker.ts'
import type { Kind } from './kind.ts'
import type { Reservation } from './ports.ts'
import { GuardedProcess } from './process.ts'
import type { Launchable, Recipe, RestartOptions, Server } from './server.ts'

/** A server that runs on this machine, as a child process. */
export class LocalServer implements Server {
  readonly kind: Kind
  readonly address: string
  readonly extraAddresses: Readonly<Record<string, string>>
  readonly controllable = true
  readonly #recipe: Recipe
  readonly #origin: Launchable
  readonly #reservation: Reservation
  readonly #startTimeoutMs: number
  #process: GuardedProcess | undefined
  #stopped = false

  constructor(recipe: Recipe, origin: Launchable, reservation: Reservation, startTimeoutMs: number) {
    this.kind = recipe.kind
    this.address = `127.0.0.1:${reservation.ports[0]}`
    this.extraAddresses = recipe.extraAddresses?.(reservation) ?? {}
    this.#recipe = recipe
    this.#origin = origin
    this.#reservation = reservation
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
    await rm(this.#reservation.folder, { recursive: true, force: true })
    this.#process?.forget()
    this.#process = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #start(): Promise<void> {
    const { folder } = this.#reservation
    await mkdir(join(folder, 'data'), { recursive: true, mode: 0o700 })
    const { args, env } = await this.#recipe.prepare(this.#reservation, this.#origin)
    const launch = { folder, log: this.#logFile, env }
    const guarded =
      this.#origin.from === 'docker'
        ? { ...launch, ...containerCommand(this.#origin, this.#reservation, args, env) }
        : { ...launch, command: [...this.#origin.command, ...args] as [string, ...string[]] }
    const before = this.#process
    this.#process = await GuardedProcess.start(guarded)
    before?.forget()
    await this.#waitFor(this.#process)
  }

  async #waitFor(started: GuardedProcess): Promise<void> {
    const ended = new AbortController()
    void started.exited.then(how => ended.abort(new Error(how)))
    try {
      await answering(this.#recipe, this, this.#startTimeoutMs, ended.signal)
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
    await rm(join(this.#reservation.folder, 'data'), { recursive: true, force: true })
  }

  get #logFile(): string {
    return join(this.#reservation.folder, 'log')
  }
}

/** Resolves when the server responds. */
export function answering(
  recipe: Recipe,
  { address, extraAddresses }: Pick<Server, 'address' | 'extraAddresses'>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const what = `${recipe.kind} at ${address} to answer`
  const ask = () => recipe.ask(address, extraAddresses)
  return untilResolved(ask, { what, timeoutMs, ...(signal && { signal }) })
}
