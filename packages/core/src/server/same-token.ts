import { lazy } from '../lazy.ts'

/**
 * Whether a token is the expected one, in a time that does not depend on how much of it is right: for `authenticate`. The time
 * grows with the length of `given` only.
 */
export function isSameToken(given: string, expected: string): boolean {
  return lazy.crypto.timingSafeEqual(digest(given), digest(expected))
}

// Of this process only, so that nobody outside can choose what is compared.
let key: Buffer | undefined

function digest(token: string): Buffer {
  key ??= lazy.crypto.randomBytes(32)
  return lazy.crypto.createHmac('sha256', key).update(token).digest()
}
