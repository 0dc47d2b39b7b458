import { createInterface } from 'node:readline'

/** What a `Program` was given. */
export function settings<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Tells whoever started this program, by a line. */
export function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Calls `heard` with each line that this program is told. Ends the program when nobody is left to tell it: its test was killed. */
export function hear(heard: (line: string) => unknown): void {
  process.stdin.once('end', () => process.exit())
  createInterface(process.stdin).on('line', heard)
}
