import { toError } from '../callbacks.ts'
import type { DeclaredError } from '../service-error.ts'
import { isServiceCode, isServiceError } from '../service-error.ts'
import { jsonWithin } from './json.ts'

/**
 * Returns the code and details that a caller gets beside the message; `undefined` unless `thrown` is a `ServiceError`. Omits details that
 * cannot be sent.
 * @param failed receives the reason
 */
export function declaredError(thrown: unknown, failed: (error: Error) => void): DeclaredError | undefined {
  if (!isServiceError(thrown)) return undefined
  try {
    const { code, details } = thrown
    // JavaScript code may set any value.
    if (!isServiceCode(code)) throw new TypeError(`its code is ${typeof code}, not one that can be sent`)
    try {
      return { code, details: encodeDetails(details) }
    } catch (error) {
      failed(toError(error, 'encoding the details'))
      return { code, details: undefined }
    }
  } catch (error) {
    failed(toError(error, 'reading the error'))
    return undefined
  }
}

/** Decodes the details of a peer's error; `undefined` when they are missing, too long or invalid. */
export function decodeDetails(text: string | undefined): unknown {
  if (text === undefined || text.length > MAX_DETAILS_BYTES) return undefined
  try {
    return codec.decode(Buffer.from(text))
  } catch {
    // The code and the message of the error are enough.
    return undefined
  }
}

/** @throws RangeError or TypeError when the details are too long or cannot be encoded */
function encodeDetails(details: unknown): string | undefined {
  if (details === undefined) return undefined
  const bytes = codec.encode(details)
  if (bytes.length > MAX_DETAILS_BYTES)
    throw new RangeError(
      `the details have ${bytes.length} bytes, more than the ${MAX_DETAILS_BYTES} that are sent`,
    )
  // Decodes the details again, so that details beyond the receiver's limits fail here.
  codec.decode(bytes)
  return Buffer.from(bytes).toString()
}

const MAX_DETAILS_BYTES = 8 * 1_024

const codec = jsonWithin({ maxValues: 1_000, maxDepth: 32, maxMapKeys: 0 })
