import type { Entry } from '@rpcx/core'

/** An entry as the TXT record of an instance says it. */
export interface Said extends Entry {
  /** Which session says it; `undefined` when it is Go's. */
  readonly owner: string | undefined
  /** Grows with each write; 0 when it is Go's. */
  readonly version: bigint
}

// One string of a TXT record:
//
//   0   what Go's clients read, all of it: QueryEscape([{"service":…,"meta":…,"service_address":…}]), 255 bytes at most
//   1   o=<owner>
//   2   v=<version in base 36>
//   3…  m0=<metadata>, m1=<more of it>, …

/** @throws RangeError with the sizes when it does not fit */
export function toStrings({ service, address, metadata, owner = '', version }: Said): Buffer[] {
  const bytes = Buffer.from(metadata)
  if (bytes.length > MAX_METADATA_BYTES) {
    throw new RangeError(
      `mdns: the metadata of ${service} have ${bytes.length} bytes, more than the ${MAX_METADATA_BYTES} that fit a packet`,
    )
  }
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    pieces.push(Buffer.concat([Buffer.from(`m${pieces.length}=`), bytes.subarray(at, at + PIECE_BYTES)]))
  }
  return [
    Buffer.from(forGo(service, address, metadata)),
    Buffer.from(`o=${owner}`),
    Buffer.from(`v=${version.toString(36)}`),
    ...pieces,
  ]
}

/** Reads our form and Go's. Nothing when it is neither. */
export function fromStrings(strings: readonly Buffer[]): readonly Said[] {
  const elements = parseGo(strings[0]?.toString() ?? '')
  const further = strings.slice(1).map(text => text.toString('latin1'))
  const version = /^v=([0-9a-z]{1,13})$/.exec(further.find(text => text.startsWith('v=')) ?? '')?.[1]
  const owner = further.find(text => text.startsWith('o='))?.slice(2)
  const [only] = elements
  if (version === undefined || owner === undefined || only === undefined || elements.length !== 1) {
    return elements.map(element => ({ ...element, owner: undefined, version: 0n }))
  }
  const pieces = further.filter(text => /^m\d=/.test(text)).sort()
  const metadata = Buffer.from(pieces.map(piece => piece.slice(3)).join(''), 'latin1').toString()
  return [{ ...only, metadata, owner, version: fromBase36(version) }]
}

const MAX_STRING_BYTES = 255
const PIECE_BYTES = 250
/** What fits one packet beside the other records of an instance. */
export const MAX_METADATA_BYTES = 700

/** Go reads this string alone: of metadata that are too long for it, the keys that Go acts upon come first. */
function forGo(service: string, address: string, metadata: string): string {
  const whole = elementForGo(service, address, metadata)
  if (whole.length <= MAX_STRING_BYTES) return whole
  const least = elementForGo(service, address, '').length
  if (least > MAX_STRING_BYTES) {
    throw new RangeError(
      `mdns: the name of ${service} and its address take ${least} bytes, more than the ${MAX_STRING_BYTES} of a TXT string`,
    )
  }
  const kept: string[] = []
  for (const pair of metadata.split('&').toSorted((a, b) => importance(a) - importance(b))) {
    const longer = [...kept, pair].join('&')
    if (elementForGo(service, address, longer).length <= MAX_STRING_BYTES) kept.push(pair)
  }
  return elementForGo(service, address, kept.join('&'))
}

function importance(pair: string): number {
  const at = IMPORTANT.indexOf(pair.split('=')[0] as string)
  return at < 0 ? IMPORTANT.indexOf('*') : at
}

const IMPORTANT = ['state', 'group', 'weight', 'latitude', 'longitude', '*', 'calls', 'connections']

/** Always with `meta`: without it Go's client takes that of the instance before. */
function elementForGo(service: string, address: string, meta: string): string {
  const json = JSON.stringify([{ service, meta, service_address: address }])
  // As Go's `url.QueryEscape`.
  return encodeURIComponent(json.toWellFormed())
    .replace(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function parseGo(text: string): readonly Entry[] {
  let elements: unknown
  try {
    elements = JSON.parse(decodeURIComponent(text.replaceAll('+', ' ')))
  } catch {
    return []
  }
  if (!Array.isArray(elements)) return []
  return elements.filter(isElement).map(({ service, meta = '', service_address: address = '' }) => ({
    service,
    address,
    metadata: meta,
  }))
}

function isElement(found: unknown): found is { service: string; meta?: string; service_address?: string } {
  if (typeof found !== 'object' || found === null) return false
  const { service, meta = '', service_address = '' } = found as Record<string, unknown>
  return typeof service === 'string' && typeof meta === 'string' && typeof service_address === 'string'
}

function fromBase36(text: string): bigint {
  let value = 0n
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return value
}
