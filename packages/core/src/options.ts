/** Returns a value as it is shown in the error about it: a string in quotes, an object by its class. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  // As text, a function is its whole source.
  if (typeof value === 'function')
    return `${/^class\b/.test(String(value)) ? 'class' : 'function'} ${value.name}`
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : `an object of ${value.constructor?.name ?? 'no class'}`
}

/** Checks that a value has some methods. @throws TypeError that says what it should be, and which method is missing */
export function checkMethods(what: string, value: unknown, kind: string, methods: readonly string[]): void {
  const missing = methods.find(method => typeof Object(value)[method] !== 'function')
  if (missing === undefined) return
  throw new TypeError(`${what} is ${shown(value)}, not ${kind}: it has no ${missing}()`)
}

/** Checks the name of a method in a call. JavaScript code may pass anything. @throws TypeError */
export function checkMethodName(method: unknown): void {
  if (typeof method === 'string') return
  throw new TypeError(`call: the name of the method is ${shown(method)}; pass a string`)
}

/**
 * Checks an option that is a duration.
 * @throws RangeError that names the option when the value is not a number of milliseconds from `least` up
 */
export function checkMs(who: string, option: string, value: number, least = 0): number {
  // Node's timers fire at once beyond 2^31 − 1.
  if (Number.isFinite(value) && value >= least && value < 2 ** 31) return value
  throw new RangeError(
    `${who}: ${option} is ${shown(value)}, not a number of milliseconds from ${least} to 2147483647`,
  )
}

/** Checks an option with a fixed set of values. @throws TypeError that names the option and lists the values */
export function checkChoice<T extends string>(
  who: string,
  option: string,
  value: T,
  choices: readonly T[],
): T {
  if (choices.includes(value)) return value
  throw new TypeError(`${who}: ${option} is ${shown(value)}, not one of ${choices.join(', ')}`)
}

/** Checks an option that is a count; `Infinity` means no limit. @throws RangeError that names the option */
export function checkCount(who: string, option: string, value: number, least = 0): number {
  if ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least) return value
  throw new RangeError(`${who}: ${option} is ${shown(value)}, not an integer from ${least} up, nor Infinity`)
}

/** Checks that every option is known. @throws TypeError that names an unknown option, and the known one that is most similar */
export function checkKnown(who: string, options: object, known: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${who}: the options are ${shown(options)}, not an object`)
  // Each call with options is checked: a list of their names would cost more than this loop.
  for (const option in options) {
    if (Object.hasOwn(known, option) || !Object.hasOwn(options, option)) continue
    const near = Object.keys(known).find(name => isNear(name, option))
    throw new TypeError(
      `${who}: there is no option ${option}${near === undefined ? '' : `; did you mean ${near}?`}`,
    )
  }
}

/** Whether two names differ in case, or in one or two letters. */
function isNear(a: string, b: string): boolean {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()]
  if (x === y) return true
  if (Math.abs(x.length - y.length) > 2) return false
  let row = Array.from({ length: y.length + 1 }, (_, i) => i)
  for (let i = 1; i <= x.length; i++) {
    const next = [i]
    for (let j = 1; j <= y.length; j++) {
      const replaced = (row[j - 1] as number) + (x[i - 1] === y[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return (row[y.length] as number) <= 2
}

/** The default of `maxFrameBytes`. */
export const MAX_FRAME_BYTES: number = 16 * 1024 * 1024
