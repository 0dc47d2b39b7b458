import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const exec = promisify(execFile)

export interface RunOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
}

/** Resolves to the output of the command. @throws Error with its output when it fails, or takes more than 4 minutes */
export async function run([file = '', ...args]: readonly string[], options: RunOptions): Promise<string> {
  try {
    const { stdout } = await exec(file, args, { ...options, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 })
    return stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${[file, ...args].join(' ')} failed\n${stdout ?? ''}${stderr ?? error}`, {
      cause: error,
    })
  }
}
