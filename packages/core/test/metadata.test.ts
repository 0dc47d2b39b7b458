import { formatMetadata, parseMetadata } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { vectors } from './vectors.ts'

// Go's strings may have any bytes. Ours are Unicode, so these two inputs return with U+FFFD for each invalid byte.
const notUtf8: Record<string, string> = {
  'a=\ufffd\ufffd': 'a=%EF%BF%BD%EF%BF%BD',
  'a=%ff%FE': 'a=%EF%BF%BD%EF%BF%BD',
}

describe('metadata as Go reads and writes them', () => {
  for (const vector of vectors.metadata.vectors) {
    const { values, valid } = parseMetadata(vector.in)

    test(`reads ${JSON.stringify(vector.in)}`, () => {
      expect(Object.fromEntries(values)).toEqual(vector.values)
      expect(valid).toBe(vector.error === undefined)
    })

    test(`writes ${JSON.stringify(vector.in)} again`, () => {
      const expected = notUtf8[vector.in]
      expect(formatMetadata(values)).toBe(expected ?? vector.encoded)
      if (expected !== undefined) expect(vector.encoded).toBe('a=%FF%FE')
    })

    test(`adds the metrics to ${JSON.stringify(vector.in)} as Go does`, () => {
      const refreshed = new Map([...values, ['calls', ['0.00']], ['connections', ['0.00']]])
      const expected = notUtf8[vector.in]
      const ours = expected === undefined ? vector.afterRefresh : `${expected}&calls=0.00&connections=0.00`
      expect(formatMetadata(refreshed)).toBe(ours)
    })
  }

  test('are complete', () => {
    expect(vectors.metadata.vectors).toHaveLength(45)
    expect(vectors.metadata.vectors.filter(({ in: text }) => text in notUtf8)).toHaveLength(2)
  })
})

describe('the escapes of a query string', () => {
  const { table } = vectors.queryEscape

  test('equal those of Go for each ASCII character', () => {
    for (let byte = 0; byte < 128; byte++) {
      expect(formatMetadata(new Map([['k', [String.fromCharCode(byte)]]]))).toBe(`k=${table[byte]}`)
    }
  })

  test('equal those of Go for each byte that is part of a longer character', () => {
    const seen = new Set<number>()
    for (let code = 0x80; code <= 0x10ffff; code += code < 0x1000 ? 1 : 0x3f1) {
      if (code >= 0xd800 && code <= 0xdfff) continue
      const character = String.fromCodePoint(code)
      const bytes = Buffer.from(character)
      const escaped = Array.from(bytes, byte => table[byte]).join('')
      expect(formatMetadata(new Map([[character, [character]]]))).toBe(`${escaped}=${escaped}`)
      for (const byte of bytes) seen.add(byte)
    }
    // All bytes that UTF-8 uses: 80 to BF, C2 to F4.
    expect(seen.size).toBe(64 + 51)
  })

  test('are read in upper and lower case', () => {
    for (let byte = 0; byte < 128; byte++) {
      const hex = byte.toString(16).padStart(2, '0')
      for (const text of [table[byte], `%${hex}`, `%${hex.toUpperCase()}`]) {
        expect(parseMetadata(`k=${text}`).values.get('k')).toEqual([String.fromCharCode(byte)])
      }
    }
  })

  test('write a lone surrogate as U+FFFD instead of throwing', () => {
    expect(formatMetadata(new Map([['k', ['a\ud800b']]]))).toBe('k=a%EF%BF%BDb')
  })
})

test('keys are written in the order of their bytes, even where the order in UTF-16 differs', () => {
  const values = new Map([
    ['\u{1f600}', ['2']],
    ['\uffee', ['1']],
  ])
  expect(formatMetadata(values)).toBe('%EF%BF%AE=1&%F0%9F%98%80=2')
})

test.each(['%41', 'a&', 'a=b&', '+', ';&', '=', '%4'])(
  'a megabyte of %j is read within 500 ms of processor time',
  piece => {
    const text = piece.repeat(2 ** 20 / piece.length)
    const start = process.cpuUsage()
    const { values, valid } = parseMetadata(text)
    // In CPU time, so that other load of the machine does not count.
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(500)
    expect(valid).toBe(piece !== ';&' && piece !== '%4')
    if (piece === '%41') expect([...values.keys()][0]).toBe('A'.repeat(Math.floor(2 ** 20 / 3)))
  },
)
