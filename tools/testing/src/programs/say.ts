import { createInterface } from 'node:readline'

/** The settings that `Program` passed. */
export function settings<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Reports an event to the parent process, as a line. */
export function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Calls `heard` with each line from the parent process. Exits when the parent process is gone, because its test was killed. */
export function hear(heard: (line: string) => unknown): void {
  process.stdin.once('end', () => process.exit())
  createInterface(process.stdin).on('line', heard)
}
