/**
 * Checks a duration given as an option.
 * @throws RangeError that names the option when it is no number of milliseconds from `least` up
 */
export function checkMs(who: string, option: string, value: number, least = 0): number {
  // Node's timers fire at once beyond 2^31 − 1.
  if (Number.isFinite(value) && value >= least && value < 2 ** 31) return value
  throw new RangeError(
    `${who}: ${option} is ${value}, not a number of milliseconds from ${least} to 2147483647`,
  )
}

/** Checks an option that has a few values. @throws TypeError that names the option and lists them */
export function checkChoice<T extends string>(
  who: string,
  option: string,
  value: T,
  choices: readonly T[],
): T {
  if (choices.includes(value)) return value
  throw new TypeError(`${who}: ${option} is ${JSON.stringify(value)}, not one of ${choices.join(', ')}`)
}

/** Checks a number of things given as an option. @throws RangeError that names the option; `Infinity` is no limit */
export function checkCount(who: string, option: string, value: number, least = 0): number {
  if ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least) return value
  throw new RangeError(`${who}: ${option} is ${value}, not an integer from ${least} up, nor Infinity`)
}
