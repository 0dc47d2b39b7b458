import { toError } from '../callbacks.ts'
import type { DeclaredError } from '../service-error.ts'
import { isServiceCode, isServiceError } from '../service-error.ts'
import { jsonWithin } from './json.ts'

/**
 * What a caller is told of what was thrown beside its text; `undefined` unless it is a `ServiceError`. Details that cannot be sent are left
 * out.
 * @param failed is told why
 */
export function declaredError(thrown: unknown, failed: (error: Error) => void): DeclaredError | undefined {
  if (!isServiceError(thrown)) return undefined
  try {
    const { code, details } = thrown
    // Whoever writes JavaScript may set anything.
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

/** The details that a peer sent with its error; `undefined` when it sent none that may be looked at. */
export function decodeDetails(text: string | undefined): unknown {
  if (text === undefined || text.length > MAX_DETAILS_BYTES) return undefined
  try {
    return codec.decode(Buffer.from(text))
  } catch {
    // The error itself says what matters.
    return undefined
  }
}

/** @throws RangeError or TypeError when they are too long, or nothing that can be encoded */
function encodeDetails(details: unknown): string | undefined {
  if (details === undefined) return undefined
  const bytes = codec.encode(details)
  if (bytes.length > MAX_DETAILS_BYTES)
    throw new RangeError(
      `the details have ${bytes.length} bytes, more than the ${MAX_DETAILS_BYTES} that are sent`,
    )
  // What would be refused where it is read is better refused here.
  codec.decode(bytes)
  return Buffer.from(bytes).toString()
}

const MAX_DETAILS_BYTES = 8 * 1_024

const codec = jsonWithin({ maxValues: 1_000, maxDepth: 32, maxMapKeys: 0 })
