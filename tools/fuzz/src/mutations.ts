import type { Random } from '@rpcx/testing'

/** Changes an input in one to four places, so that it is still almost valid. */
export function mutated(
  input: Buffer,
  corpus: readonly Buffer[],
  tokens: readonly Buffer[],
  random: Random,
  longest: number,
): Buffer {
  let bytes: Buffer = Buffer.from(input)
  for (let left = 1 + random.below(4); left > 0; left--) {
    const change = random.pick(changes)
    bytes = change({ bytes, at: random.below(bytes.length + 1), corpus, tokens, random })
    if (bytes.length > longest) bytes = bytes.subarray(0, longest)
  }
  return bytes
}

interface Change {
  readonly bytes: Buffer
  readonly at: number
  readonly corpus: readonly Buffer[]
  readonly tokens: readonly Buffer[]
  readonly random: Random
}

const changes: readonly ((change: Change) => Buffer)[] = [
  function flipsABit({ bytes, at, random }) {
    if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
    return bytes
  },
  function setsAByte({ bytes, at, random }) {
    if (at < bytes.length) bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
    return bytes
  },
  function setsANumber({ bytes, at, random }) {
    const width = random.pick([2, 4])
    const number = random.pick([
      0,
      1,
      bytes.length,
      4_096,
      65_535,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32 - 1,
      random.below(300),
    ])
    if (at + width <= bytes.length) bytes.writeUIntBE(number % 2 ** (8 * width), at, width)
    return bytes
  },
  function cuts({ bytes, at }) {
    return bytes.subarray(0, at)
  },
  function takesOut({ bytes, at, random }) {
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))])
  },
  function insertsNoise({ bytes, at, random }) {
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)])
  },
  function insertsAToken({ bytes, at, tokens, random }) {
    if (tokens.length === 0) return bytes
    return Buffer.concat([bytes.subarray(0, at), random.pick(tokens), bytes.subarray(at)])
  },
  function goesOnAsAnother({ bytes, at, corpus, random }) {
    const other = random.pick(corpus)
    return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))])
  },
  function movesAPart({ bytes, at, random }) {
    bytes.copy(bytes, random.below(bytes.length + 1), at, at + random.below(32))
    return bytes
  },
  function repeatsAPart({ bytes, at, random }) {
    const part = bytes.subarray(at, at + 1 + random.below(16))
    const times = random.pick([2, 2, 4, 4, 10, 10, 300])
    return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(times).fill(part), bytes.subarray(at)])
  },
]
