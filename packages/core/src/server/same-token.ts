import { lazy } from '../lazy.ts'

/**
 * Compares a token with the expected one, for `authenticate`. The time depends on the length of `given` only, not on how much of it is
 * correct.
 */
export function isSameToken(given: string, expected: string): boolean {
  return lazy.crypto.timingSafeEqual(digest(given), digest(expected))
}

// Random for each process, so that a client cannot choose the digests that are compared.
let key: Buffer | undefined

function digest(token: string): Buffer {
  key ??= lazy.crypto.randomBytes(32)
  return lazy.crypto.createHmac('sha256', key).update(token).digest()
}
