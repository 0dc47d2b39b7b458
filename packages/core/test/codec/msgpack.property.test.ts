import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Random } from '../../../../tools/testing/src/random.ts'
import { Ext } from '../../src/codec/ext.ts'
import { msgpack } from '../../src/codec/msgpack.ts'
import { isRpcxError } from '../../src/errors.ts'

// As many as before a release when `RPCX_FULL` is set.
const [VALUES, MUTATED] = process.env.RPCX_FULL ? [20_000, 300_000] : [4_000, 30_000]

describe('msgpack on random input', () => {
  it('returns every value that it can represent', { timeout: 60_000 }, () => {
    const random = new Random()
    for (let round = 0; round < VALUES; round++) {
      const value = randomValue(random, 4)
      const bytes = Buffer.from(msgpack.encode(value))
      if (isDeepStrictEqual(msgpack.decode(bytes), value)) continue
      expect.fail(`seed ${random.seed}, round ${round}: ${bytes.toString('hex')}`)
    }
  })

  it('rejects or reads mutated payloads, and nothing else happens', { timeout: 120_000 }, () => {
    const random = new Random()
    const outcomes = { value: 0, refused: 0 }
    for (let round = 0; round < MUTATED; round++) {
      const bytes = mutated(random, round)
      try {
        const value = msgpack.decode(bytes)
        outcomes.value++
        const once = Buffer.from(msgpack.encode(value))
        const twice = Buffer.from(msgpack.encode(msgpack.decode(once)))
        if (!once.equals(twice))
          throw new Error(`encodes as ${once.toString('hex')}, then ${twice.toString('hex')}`)
      } catch (error) {
        outcomes.refused++
        if (isRpcxError(error, 'ERR_RPCX_CODEC')) continue
        expect.fail(`seed ${random.seed}, round ${round}, ${bytes.toString('hex')}: ${error}`)
      }
    }
    expect(outcomes.value).toBeGreaterThan(MUTATED / 30)
    expect(outcomes.refused).toBeGreaterThan(MUTATED / 30)
  })

  it('rejects every cut payload', () => {
    const random = new Random()
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(msgpack.encode([randomValue(random, 2)]))
      const cut = bytes.subarray(0, random.below(bytes.length))
      const where = `seed ${random.seed}, round ${round}, ${cut.toString('hex')}`
      expect(() => msgpack.decode(cut), where).toThrow(/^msgpack: (unexpected )?EOF/)
    }
  })
})

describe('msgpack on hostile input', () => {
  const megabyte = 1024 * 1024

  it.each([
    ['arrays', 0xdd, 1],
    ['maps', 0xdf, 2],
  ])('allocates nothing for nested %s that claim to contain the rest', (_what, code, perEntry) => {
    const bytes = Buffer.alloc(megabyte, 0xc0)
    for (let level = 0; level < 100; level++) {
      const at = level * 5
      bytes[at] = code
      bytes.writeUInt32BE(Math.floor((megabyte - at - 5) / perEntry), at + 1)
    }
    const before = process.resourceUsage().maxRSS
    expect(() => msgpack.decode(bytes)).toThrow(expect.objectContaining({ code: 'ERR_RPCX_CODEC' }))
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024)
  })

  it.each([
    ['maps', 0x81],
    ['arrays', 0x91],
  ])('rejects a megabyte of nested %s at level 100', (_what, code) => {
    const started = process.cpuUsage()
    expect(() => msgpack.decode(Buffer.alloc(megabyte, code))).toThrow('more than 100 levels deep')
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(100)
  })

  it('reads 200 000 different keys within the time limit', () => {
    const keys = Array.from({ length: 200_000 }, (_, i) => [`k${i * 7919}`, i] as const)
    const bytes = Buffer.from(msgpack.encode(Object.fromEntries(keys)))
    const started = process.cpuUsage()
    expect(Object.keys(msgpack.decode(bytes) as object)).toHaveLength(keys.length)
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(3_000)
  })
})

function randomValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 14 : 9)) {
    case 0:
      return random.pick([null, true, false])
    case 1:
      return randomInteger(random)
    case 2:
      return randomInteger(random) + 0.5 * random.below(2)
    case 3:
      return random.pick([NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, 1e21])
    case 4:
      return random.pick([2n ** 53n, -(2n ** 53n), 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)])
    case 5:
      return random.bytes(randomLength(random))
    case 6:
      return new Date(random.pick([1e3, 1e12, 1e13, 2e13, 8e15]) * (random.next() * 2 - 1))
    case 7:
      return new Ext(random.below(128), random.bytes(random.pick([0, 1, 2, 3, 4, 8, 12, 16, 17, 300])))
    case 8:
      return randomText(random)
    case 9:
    case 10:
      return Array.from({ length: randomSize(random) }, () => randomValue(random, depth - 1))
    case 11:
    case 12:
      return randomObject(random, depth)
    default: {
      const map = new Map<unknown, unknown>([[randomInteger(random), 'a key that is no string']])
      for (let i = randomSize(random); i > 0; i--) map.set(randomText(random), randomValue(random, depth - 1))
      return map
    }
  }
}

function randomObject(random: Random, depth: number): object {
  const entries: [string, unknown][] = []
  for (let i = randomSize(random); i > 0; i--) {
    const key = random.pick([randomText(random), '__proto__', 'constructor', 'A', String(random.below(9))])
    entries.push([key, randomValue(random, depth - 1)])
  }
  return Object.fromEntries(entries)
}

/** Of every width, and not only around the limits. Adding 0 makes no -0. */
function randomInteger(random: Random): number {
  const size = 2 ** random.below(54)
  return Math.trunc((random.next() * 2 - 1) * (size - 1)) + 0
}

function randomSize(random: Random): number {
  return random.pick([0, 1, 2, 3, 18])
}

function randomLength(random: Random): number {
  return random.pick([
    random.below(40),
    random.below(40),
    random.below(400),
    random.below(200) === 0 ? 66_000 : 0,
  ])
}

function randomText(random: Random): string {
  const alphabet = random.pick([
    'abcXYZ09_',
    'aé\u{7ff}',
    'a世界',
    '😀a\u{10ffff}',
    '\0\u{7f}\u{80}\ufeff\uffff',
  ])
  const characters = [...alphabet]
  let text = ''
  for (let i = randomLength(random) % 1_000; i > 0; i--) text += random.pick(characters)
  return text
}

const samples = [
  { A: 10, B: 20 },
  [1, -1, 300, -40_000, 2 ** 40, -(2 ** 40), 2n ** 63n, 1.5, 'text', 'long text '.repeat(10), null, true],
  { list: [[[{ a: [] }]]], bytes: Buffer.from('0001feff', 'hex'), at: new Date(1e12), far: new Date(-1e14) },
  new Map<unknown, unknown>([
    ['a', 1],
    [2, new Ext(5, Buffer.from('x'))],
    [[3], new Map([[1n << 60n, '']])],
  ]),
].map(value => Buffer.from(msgpack.encode(value)))

function mutated(random: Random, round: number): Buffer {
  if (round % 4 === 0) return random.bytes(1 + random.below(40))
  let bytes = Buffer.from(random.pick(samples))
  for (let edits = 1 + random.below(3); edits > 0; edits--) {
    const at = random.below(bytes.length)
    const kind = random.below(4)
    if (kind === 0) bytes[at] = random.below(256)
    else if (kind === 1) bytes[at] = random.pick([0xc1, 0xc6, 0xc7, 0xc9, 0xd6, 0xdb, 0xdd, 0xdf, 0xff])
    else if (kind === 2)
      bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(random.below(6)), bytes.subarray(at)])
    else bytes = bytes.subarray(0, at + 1)
  }
  return bytes
}
