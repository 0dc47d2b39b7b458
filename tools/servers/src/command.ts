import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

export interface CommandOptions {
  /** Ends the command with SIGKILL, default 10 000. */
  timeoutMs?: number
  /** Working folder, default the caller's. */
  cwd?: string
}

/** Runs a command to its end and resolves to what it printed. Rejects with its own last words. */
export function run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { timeoutMs = 10_000, cwd } = options
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C' }
    const limits = { cwd, env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1 << 26 } as const
    execFile(file, args, limits, (error, stdout, stderr) => {
      if (!error) resolve(stdout)
      else reject(new Error(`${file}: ${lastWords(stderr) || error.message}`, { cause: error }))
    })
  })
}

/** Resolves to the full path of the first executable of that name on the PATH, if there is one. */
export async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder || '.', name)
    const usable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (usable) return file
  }
  return undefined
}

function lastWords(text: string): string {
  return text.trim().split('\n').slice(-4).join(' · ')
}
