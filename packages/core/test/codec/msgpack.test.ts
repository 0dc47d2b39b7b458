import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Ext } from '../../src/codec/ext.ts'
import { Float32 } from '../../src/codec/float32.ts'
import { msgpack } from '../../src/codec/msgpack.ts'

describe('msgpack against payloads recorded from Go', () => {
  // JavaScript has fewer types than Go. These are read as Go wrote them, but written differently.
  const written: Record<string, string> = {
    'type.msgpack.I8': 'fixed width in Go',
    'type.msgpack.I16': 'fixed width in Go',
    'type.msgpack.I32': 'fixed width in Go',
    'type.msgpack.I64': 'fixed width in Go',
    'type.msgpack.U8': 'fixed width in Go',
    'type.msgpack.U16': 'fixed width in Go',
    'type.msgpack.U32': 'fixed width in Go',
    'type.msgpack.U64': 'fixed width in Go',
    'type.msgpack.Duration': 'fixed width in Go',
    'type.msgpack.Rune': 'fixed width in Go',
    'type.msgpack.structs': 'fields of fixed width in Go',
    'type.msgpack.Any': 'integers in an interface are of fixed width in Go',
    'type.msgpack.Anys': 'integers in an interface are of fixed width in Go',
    'type.msgpack.F32': 'only a Float32 is written as float32',
    'type.msgpack.F64': 'a float without fraction is written as an integer',
    'type.msgpack.F64Special': 'minus zero is written as the integer 0',
    'type.msgpack.MapSA': 'a float without fraction is written as an integer; int64 is of fixed width in Go',
    'type.msgpack.S': 'bytes that are not UTF-8 come back as U+FFFD',
    'type.msgpack.Time': 'a Date has no nanoseconds',
  }
  const families = /^(type\.msgpack\.|decode\.msgpack\.|mul\.msgpack$)/
  const scenarios = recorded().filter(scenario => families.test(scenario.name))

  it('has vectors of all three families', () => {
    expect(scenarios).toHaveLength(103)
    expect(scenarios.flatMap(scenario => scenario.payloads)).toHaveLength(541)
  })

  for (const { name, payloads } of scenarios) {
    const readable = payloads.filter(payload => 'value' in payload)

    it(`reads ${name}`, () => {
      for (const { payloadHex, value } of readable)
        expect(decoded(payloadHex), payloadHex).toEqual(plain(value))
    })

    it(`reads and returns ${name}`, () => {
      for (const { payloadHex } of readable) {
        const value = decoded(payloadHex)
        const again = msgpack.decode(Buffer.from(msgpack.encode(value)))
        expect(again, payloadHex).toEqual(payloadHex === '81a156cb8000000000000000' ? { V: 0 } : value)
      }
    })

    if (name.startsWith('decode.')) continue
    const different = () => readable.filter(({ payloadHex }) => encoded(decoded(payloadHex)) !== payloadHex)
    const reason = written[name]
    if (reason) it(`writes part of ${name} unlike Go: ${reason}`, () => expect(different()).not.toEqual([]))
    else it(`writes ${name} as Go`, () => expect(different()).toEqual([]))
  }

  it('writes a Float32 as Go writes float32', () => {
    const floats = scenarios.find(scenario => scenario.name === 'type.msgpack.F32')?.payloads ?? []
    expect(floats).not.toEqual([])
    for (const { payloadHex, value } of floats) {
      const { V } = plain(value) as { V: number }
      expect(encoded({ V: new Float32(V) })).toBe(payloadHex)
    }
  })

  it('rejects what Go rejects', () => {
    expect(() => decoded('82a15607')).toThrow(
      'unexpected EOF: a map of 2 before byte 1, but 3 bytes are left',
    )
    expect(() => decoded('81a156c1')).toThrow('msgpack: 0xc1 at byte 3 begins no value')
  })
})

describe('msgpack encode', () => {
  it('has serialize type 3', () => {
    expect(msgpack).toMatchObject({ name: 'msgpack', id: 3 })
  })

  it.each([
    [0, '00'],
    [-0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [256, 'cd0100'],
    [65_536, 'ce00010000'],
    [2 ** 32, 'cf0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-129, 'd1ff7f'],
    [-32_769, 'd2ffff7fff'],
    [-2_147_483_649, 'd3ffffffff7fffffff'],
    [Number.MIN_SAFE_INTEGER, 'd3ffe0000000000001'],
    [2 ** 53, 'cb4340000000000000'],
    [1n, '01'],
    [-33n, 'd0df'],
    [2n ** 53n, 'cf0020000000000000'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
    [-(2n ** 63n), 'd38000000000000000'],
    [NaN, 'cb7ff8000000000001'],
    [new Float32(1.5), 'ca3fc00000'],
    [undefined, 'c0'],
    [{ a: undefined }, '81a161c0'],
    ['a\ud800b', 'a561efbfbd62'],
    [new Uint8Array([1, 2]).subarray(1), 'c40102'],
    [new Uint8Array([1, 2]).buffer, 'c4020102'],
    [new DataView(new Uint8Array([1, 2, 3]).buffer, 1), 'c4020203'],
    [new Uint16Array([0x0101]), 'c4020101'],
    [new Set([1, 'a']), '9201a161'],
    [
      new Map<unknown, unknown>([
        [1, 2],
        ['a', null],
      ]),
      '820102a161c0',
    ],
    [Object.create(null, { a: { value: 1, enumerable: true }, b: { value: 2 } }), '81a16101'],
    [
      new (class Point {
        readonly X = 1
        get Y() {
          return 2
        }
      })(),
      '81a15801',
    ],
    [new Ext(5, Buffer.from([1])), 'd40501'],
    [new Ext(-2, Buffer.from([1, 2, 3])), 'c703fe010203'],
    [new Date(0), 'd6ff00000000'],
    [new Date(1), 'd7ff003d090000000000'],
    [new Date(2 ** 34 * 1000 - 1), 'd7ffee2e1f03ffffffff'],
    [new Date(2 ** 34 * 1000), 'c70cff000000000000000400000000'],
    [new Date(-1), 'c70cff3b8b87c0ffffffffffffffff'],
  ])('writes %o as %s', (value, bytes) => {
    expect(encoded(value)).toBe(bytes)
  })

  it.each([0, 31, 32, 255, 256, 65_535, 65_536])('writes %d in the shortest form', length => {
    const header = (short: string, long: string) => {
      if (length < 32 && short) return (Number.parseInt(short, 16) + length).toString(16)
      const bytes = [1, 2, 4].find(size => length < 256 ** size) as number
      const code = Number.parseInt(long, 16) + Math.log2(bytes)
      return code.toString(16) + length.toString(16).padStart(bytes * 2, '0')
    }
    expect(encoded('a'.repeat(length))).toBe(header('a0', 'd9') + '61'.repeat(length))
    expect(encoded(`${'é'.repeat(length / 2)}${'a'.repeat(length % 2)}`)).toBe(
      header('a0', 'd9') + 'c3a9'.repeat(length / 2) + '61'.repeat(length % 2),
    )
    expect(encoded(Buffer.alloc(length))).toBe(header('', 'c4') + '00'.repeat(length))
  })

  it.each([
    [15, '9f', '8f'],
    [16, 'dc0010', 'de0010'],
    [65_535, 'dcffff', 'deffff'],
    [65_536, 'dd00010000', 'df00010000'],
  ])('writes the length of an array and a map of %d', (length, array, map) => {
    const keys = Array.from({ length }, (_, i) => i)
    expect(encoded(new Array(length))).toBe(array + 'c0'.repeat(length))
    expect(encoded(new Map(keys.map(key => [key, 0]))).slice(0, map.length)).toBe(map)
    expect(encoded(Object.fromEntries(keys.map(key => [key, 0]))).slice(0, map.length)).toBe(map)
  })

  it.each([
    [{ args: { list: [1, 2, 3, { fn() {} }] } }, TypeError, 'cannot encode a function at args.list[3].fn'],
    [Symbol('s'), TypeError, /cannot encode a symbol$/],
    [[{ 'odd key': Symbol('s') }], TypeError, 'a symbol at [0]["odd key"]'],
    [new Map([[7, new Set([() => 1])]]), TypeError, 'a function at [7][0]'],
    [{ at: new Date(Number.NaN) }, TypeError, 'an invalid Date at at'],
    [{ n: 2n ** 64n }, RangeError, '18446744073709551616 does not fit 64 bits at n'],
    [{ n: -(2n ** 63n) - 1n }, RangeError, '-9223372036854775809 does not fit 64 bits at n'],
  ])('rejects %o', (value, type, message) => {
    expect(() => msgpack.encode(value)).toThrow(type)
    expect(() => msgpack.encode(value)).toThrow(message)
    expect(encoded(1)).toBe('01')
  })

  it('rejects a Float32 or an Ext that cannot be written', () => {
    expect(() => new Float32('1' as never)).toThrow(TypeError)
    expect(() => new Ext(128, Buffer.alloc(1))).toThrow(RangeError)
    expect(() => new Ext(1, [1] as never)).toThrow(TypeError)
  })

  it('writes 100 levels and rejects 101', () => {
    expect(encoded(nested(100))).toBe(`${'91'.repeat(99)}90`)
    expect(() => msgpack.encode(nested(101))).toThrow(RangeError)
    expect(() => msgpack.encode(nested(101))).toThrow('more than 100 levels deep, perhaps cyclic at [0][0]')
  })

  it('rejects a cycle and names its path', () => {
    const order: Record<string, unknown> = { id: 1 }
    order.self = { order }
    expect(() => msgpack.encode(order)).toThrow(/cyclic at self\.order\.self\.order\..*…$/)
    const map = new Map<string, unknown>()
    map.set('m', new Set([map]))
    expect(() => msgpack.encode(map)).toThrow(RangeError)
  })

  it('writes the right length when a getter changes the container', () => {
    const list: unknown[] = []
    list.push(
      {
        get a() {
          list.length = 1
          return 1
        },
      },
      2,
      3,
    )
    expect(encoded(list)).toBe('9381a16101c0c0')
    const map = new Map<unknown, unknown>()
    map.set(1, {
      get a() {
        map.set(2, 2)
        return 1
      },
    })
    expect(encoded(map)).toBe('810181a16101')
  })

  it('may be called by a getter of the value', () => {
    const value = {
      before: 1,
      get inner() {
        return Buffer.from(msgpack.encode({ A: 10 }))
      },
      after: 2,
    }
    expect(decoded(encoded(value))).toEqual({ before: 1, inner: Buffer.from('81a1410a', 'hex'), after: 2 })
  })

  it('works after a getter threw', () => {
    const failing = {
      get a() {
        throw new Error('from the getter')
      },
    }
    expect(() => msgpack.encode([1, failing])).toThrow('from the getter')
    expect(encoded([1])).toBe('9101')
  })

  it('uses its buffer again, unless it grew beyond a megabyte', () => {
    const first = msgpack.encode(1).buffer
    expect(msgpack.encode('x'.repeat(3_000)).buffer).toBe(first)
    expect(msgpack.encode(Buffer.alloc(3_000_000)).length).toBe(3_000_005)
    expect(msgpack.encode(1).buffer.byteLength).toBeLessThan(1024 * 1024)
  })
})

describe('msgpack decode', () => {
  it.each([
    ['cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['cf0020000000000000', 2n ** 53n],
    ['d3ffe0000000000001', Number.MIN_SAFE_INTEGER],
    ['d3ffe0000000000000', -(2n ** 53n)],
    ['d30000000000000007', 7],
    ['ca3fc00000', 1.5],
    ['d0ff', -1],
    ['a3efbbbf', '\ufeff'],
    ['a2fffe', '\ufffd\ufffd'],
    ['b0ff6162636465666768696a6b6c6d6e6f', '\ufffdabcdefghijklmno'],
    ['81a1fe01', { '\ufffd': 1 }],
    ['82a15601a15602', { V: 2 }],
    ['81d9016101', { a: 1 }],
    [
      '82a1610102c0',
      new Map<unknown, unknown>([
        ['a', 1],
        [2, null],
      ]),
    ],
    ['81c4015607', new Map([[Buffer.from('V'), 7]])],
    ['81c0cf0020000000000000', new Map([[null, 2n ** 53n]])],
    ['d40501', new Ext(5, Buffer.from([1]))],
    ['c703fe010203', new Ext(-2, Buffer.from([1, 2, 3]))],
    ['c704ff00000001', new Date(1000)],
    ['d7fffffffffc00000000', new Date(1073)],
    ['c70cff3b8b87c0ffffffffffffffff', new Date(-1)],
    ['01ffff', 1],
  ])('reads %s', (bytes, value) => {
    expect(decoded(bytes)).toStrictEqual(value)
  })

  it('makes __proto__ an own property', () => {
    for (const bytes of ['82a95f5f70726f746f5f5f81a16101a16202', '82d9095f5f70726f746f5f5f81a16101a16202']) {
      const value = decoded(bytes) as Record<string, unknown>
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect(Object.entries(value)).toEqual([
        ['__proto__', { a: 1 }],
        ['b', 2],
      ])
      expect(encoded(value)).toBe('82a95f5f70726f746f5f5f81a16101a16202')
    }
  })

  it('reads keys that differ in one byte, and the same key twice', () => {
    const keys = Array.from({ length: 3_000 }, (_, i) => `key${i}`)
    const value = Object.fromEntries(keys.map((key, i) => [key, i]))
    for (let round = 0; round < 2; round++) expect(decoded(encoded(value))).toEqual(value)
  })

  it('tells keys apart when the code units of one equal the bytes of the other', () => {
    for (let first = 0xc2; first < 0xe0; first++) {
      for (let second = 0x80; second < 0xc0; second++) {
        const bytes = Buffer.from([first, second])
        const [twoLetters, oneLetter] = [bytes.toString('latin1'), bytes.toString()]
        expect(decoded(encoded({ [twoLetters]: 1 }))).toEqual({ [twoLetters]: 1 })
        expect(decoded(encoded({ [oneLetter]: 1 }))).toEqual({ [oneLetter]: 1 })
      }
    }
  })

  it('returns views of the payload', () => {
    const payload = Buffer.from('92c4020102d50301ff', 'hex')
    const [bytes, ext] = msgpack.decode(payload) as [Uint8Array, Ext]
    payload.fill(9)
    expect([...bytes, ...ext.data]).toEqual([9, 9, 9, 9])
  })

  it('reads any Uint8Array, from its own start', () => {
    const bytes = new Uint8Array([0xc1, 0x92, 0x01, 0xa1, 0x61, 0xc1])
    expect(msgpack.decode(bytes.subarray(1, 5))).toEqual([1, 'a'])
    expect(() => msgpack.decode(bytes.subarray(1, 4))).toThrow('unexpected EOF')
  })

  it('reports EOF for an empty payload', () => {
    expect(() => msgpack.decode(new Uint8Array())).toThrow(
      expect.objectContaining({ code: 'ERR_RPCX_CODEC', message: 'msgpack: EOF: the payload is empty' }),
    )
  })

  it('reads 100 levels and rejects 101', () => {
    expect(decoded(`${'91'.repeat(99)}90`)).toEqual(nested(100))
    expect(decoded(`${'8100'.repeat(99)}80`)).toBeInstanceOf(Map)
    expect(() => decoded(`${'91'.repeat(100)}90`)).toThrow('more than 100 levels deep at byte 101')
    expect(() => decoded(`${'81a161'.repeat(100)}80`)).toThrow('more than 100 levels deep at byte 301')
  })

  it.each([
    ['c1', '0xc1 at byte 0 begins no value'],
    ['92', 'an array of 2 before byte 1, but 0 bytes are left'],
    ['ddffffffff0000000000', 'an array of 4294967295 before byte 5, but 5 bytes are left'],
    ['dfffffffff0000000000', 'a map of 4294967295 before byte 5, but 5 bytes are left'],
    ['8301010101', 'a map of 3 before byte 1, but 4 bytes are left'],
    ['dbffffffff00', '4294967295 bytes are due at byte 5, 1 are left'],
    ['c6ffffffff00', '4294967295 bytes are due at byte 5, 1 are left'],
    ['c9ffffffff0500', '4294967295 bytes are due at byte 6, 1 are left'],
    ['91a361', '3 bytes are due at byte 2, 1 are left'],
    ['81a361', '3 bytes are due at byte 2'],
    ['81a161', 'unexpected EOF at byte 3'],
    ['82a16192c0c0', 'unexpected EOF at byte 6'],
    ['cd01', '2 bytes are due at byte 1, 1 are left'],
    ['cb00000000000000', '8 bytes are due at byte 1, 7 are left'],
    ['c702ff0102', 'a timestamp of 2 bytes before byte 3'],
    ['c70cff000000007fffffffffffffff', 'the timestamp before byte 15 is beyond what a Date holds'],
  ])('rejects %s', (bytes, message) => {
    expect(() => decoded(bytes)).toThrow(expect.objectContaining({ code: 'ERR_RPCX_CODEC' }))
    expect(() => decoded(bytes)).toThrow(message)
  })
})

function encoded(value: unknown): string {
  return Buffer.from(msgpack.encode(value)).toString('hex')
}

function decoded(bytes: string): unknown {
  return msgpack.decode(Buffer.from(bytes, 'hex'))
}

function nested(levels: number): unknown[] {
  return levels === 1 ? [] : [nested(levels - 1)]
}

interface Payload {
  readonly payloadHex: string
  readonly value?: unknown
}

function recorded(): { name: string; payloads: Payload[] }[] {
  const file = new URL('../fixtures/frames.json', import.meta.url)
  const scenarios = JSON.parse(readFileSync(file, 'utf8')) as {
    name: string
    exchange: { decoded?: Partial<Payload> & { serialize: number } }[]
  }[]
  return scenarios.map(({ name, exchange }) => ({
    name,
    payloads: exchange.flatMap(({ decoded }) => (decoded?.payloadHex ? [decoded as Payload] : [])),
  }))
}

/** Returns the value for the recording's notation of it. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const { $bytes, $int, $float, $time, $map } = value as Record<string, unknown>
  if (typeof $bytes === 'string') return Buffer.from($bytes, 'hex')
  if (typeof $int === 'string') return BigInt($int)
  if ($float !== undefined) return Number(String($float).replace('Inf', 'Infinity'))
  if (typeof $time === 'string') return new Date($time)
  if (Array.isArray($map)) return new Map($map.map(([key, element]) => [plain(key), plain(element)]))
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, plain(element)]))
}
