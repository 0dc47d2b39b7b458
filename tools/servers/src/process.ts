import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { run } from './command.ts'
import { untilResolved, within } from './deadline.ts'

// A shell that leaves a guard behind and then becomes the server itself, so that the child's pid is the
// server's and no moment exists in which the server runs unguarded. The guard holds the reading end of a pipe
// whose other end only we have: however we end, it closes, and the guard ends the server and removes its folder.
// (A parent-death signal would do less: it is Linux only, follows the thread that spawned, keeps the folder.)
const guarded = `
(
  server=$$
  while read -r word <&3; do
    case $word in gone) server= ;; forget) exit ;; esac
  done
  [ -z "$server" ] || kill -9 "$server"
  [ -z "$server" ] || [ -z "$2" ] || docker rm --force "$2"
  for attempt in 1 2 3 4 5; do rm -rf -- "$1" && exit; sleep 0.2; done
) >/dev/null 2>&1 </dev/null &
shift 2
exec "$@" 3<&-
`

export interface Launch {
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  /** The folder, which the guard removes when this process ends without `forget`. */
  readonly folder: string
  /** The file to which standard output and error are appended. */
  readonly log: string
  /** The container that the command runs in, if it does. */
  readonly container?: string
}

/** A running server process that cannot outlive this process, not even when this process gets a SIGKILL. */
export class GuardedProcess {
  readonly pid: number
  /** Resolves, never rejects, to how the process ended. */
  readonly exited: Promise<string>
  readonly #container: string | undefined
  readonly #guard: Socket
  #running = true

  /** Rejects when no process can be started at all; a missing binary shows as exit code 127. */
  static async start(launch: Launch): Promise<GuardedProcess> {
    const log = openSync(launch.log, 'a')
    try {
      const args = ['-c', guarded, 'sh', launch.folder, launch.container ?? '', ...launch.command]
      const child = spawn('/bin/sh', args, {
        cwd: launch.folder,
        env: { ...process.env, ...launch.env },
        // In a session of its own, so that an interrupt typed at the terminal reaches neither server nor guard.
        detached: true,
        stdio: ['ignore', log, log, 'pipe'],
      })
      await new Promise((resolve, reject) => {
        child.once('spawn', resolve)
        child.once('error', reject)
      })
      return new GuardedProcess(child, launch.container)
    } finally {
      closeSync(log)
    }
  }

  private constructor(child: ChildProcess, container: string | undefined) {
    if (child.pid === undefined) throw new Error('a spawned process has no pid')
    this.pid = child.pid
    this.#container = container
    this.#guard = child.stdio[3] as Socket
    this.#guard.on('error', () => {})
    this.exited = new Promise(resolve => {
      child.once('exit', (code, signal) => {
        this.#running = false
        // From now on, another process may get this pid.
        this.#guard.write('gone\n')
        resolve(signal ? `ended by ${signal}` : `exit code ${code}`)
      })
    })
    // A forgotten server must not keep a finished process alive. The guard ends it later.
    child.unref()
    this.#guard.unref()
  }

  get running(): boolean {
    return this.#running
  }

  /** Sends SIGSTOP and resolves when the process has stopped, so that what is sent to it then is not answered. */
  async pause(): Promise<void> {
    await this.#signal('SIGSTOP')
    if (this.#container !== undefined) return
    const stopped = async () => {
      const state = await stateOf(this.pid)
      if (!state.startsWith('T')) throw new Error(`its state is ${state}`)
    }
    await untilResolved(stopped, { what: `process ${this.pid} to stop`, timeoutMs: 10_000, pauseMs: 1 })
  }

  /** Sends SIGCONT. */
  async resume(): Promise<void> {
    await this.#signal('SIGCONT')
  }

  /** Ends the process with SIGKILL and resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.#running) return
    await this.#signal('SIGKILL')
    await within(10_000, `process ${this.pid} after SIGKILL`, this.exited)
  }

  /** Ends the guard of an ended process. From now on the caller owns the folder. */
  forget(): void {
    this.#guard.end('forget\n')
  }

  async #signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    if (this.#container === undefined) process.kill(this.pid, name)
    else await run('docker', ['kill', '--signal', name, this.#container])
  }
}

/** Resolves to the state letter of the process, as in ps. `T` is stopped. */
async function stateOf(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2)
  } catch {
    return run('ps', ['-o', 'state=', '-p', String(pid)])
  }
}
