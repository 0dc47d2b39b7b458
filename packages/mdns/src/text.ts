import type { Entry } from '@rpcx/core'

/** An entry as the TXT record of an instance contains it. */
export interface Said extends Entry {
  /** The session that announces it; `undefined` for Go. */
  readonly owner: string | undefined
  /** Grows with each write; 0 for Go. */
  readonly version: bigint
}

// The strings of a TXT record:
//
//   0   all that Go clients read: QueryEscape([{"service":…,"meta":…,"service_address":…}]), at most 255 bytes
//   1   o=<owner>
//   2   v=<version in base 36>
//   3…  m0=<metadata>, m1=<the next part>, …

/** Encodes an entry as the strings of a TXT record. @throws RangeError with the sizes when it does not fit */
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

/** Decodes our form and Go's. Returns an empty list for anything else. */
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
/** The size that fits a packet together with the other records of an instance. */
export const MAX_METADATA_BYTES = 700

/** Returns the only string that Go reads. When the metadata do not fit, omits keys, those that Go uses last. */
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

/** Returns the JSON of an entry, always with `meta`. Without it, Go's client uses the metadata of the previous instance. */
function elementForGo(service: string, address: string, meta: string): string {
  const json = JSON.stringify([{ service, meta, service_address: address }])
  // Encodes like Go's `url.QueryEscape`.
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
