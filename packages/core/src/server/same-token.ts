import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Whether a token is the expected one, in a time that does not depend on how much of it is right: for `authenticate`. The time
 * grows with the length of `given` only.
 */
export function isSameToken(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

// Of this process only, so that nobody outside can choose what is compared.
const key = randomBytes(32)

function digest(token: string): Buffer {
  return createHmac('sha256', key).update(token).digest()
}
