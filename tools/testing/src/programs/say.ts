/** What a `Program` was given. */
export function settings<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Tells whoever started this program, by a line. */
export function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
