import { describe, expect, test } from 'vitest'
import { AnnouncedMetadata } from '../../src/registry/announced-metadata.ts'

const rate = (perSecond: number) => ({ rateMean: () => perSecond })
const figures = { calls: rate(2.5), connections: rate(0.125) }

/** Returns metadata that the program set, and that were written. */
function written(own: string): AnnouncedMetadata {
  const metadata = new AnnouncedMetadata(own)
  metadata.written(own)
  return metadata
}

describe('announced metadata', () => {
  test("equal the program's string exactly, however it is written", () => {
    for (const own of ['', 'weight=10&group=a&group=%62', 'plain', 'rate=50%', 'a;b=1']) {
      expect(String(written(own))).toBe(own)
    }
  })

  test('have calls and connections in Go’s format, and their keys in order', () => {
    const metadata = written('weight=10&group=b&group=a')
    metadata.measure(figures)
    expect(String(metadata)).toBe('calls=2.50&connections=0.13&group=b&group=a&weight=10')
  })

  test('stay exactly as they are, without calls and connections, when Go could not read them', () => {
    const metadata = written('rate=50%&weight=1')
    metadata.measure(figures)
    expect(String(metadata)).toBe('rate=50%&weight=1')
  })
})

describe('an edit by others', () => {
  test('changes, adds and removes keys', () => {
    const metadata = written('a=1&b=2&c=3')
    metadata.edited('b=9&c=3&d=4')
    expect(String(metadata)).toBe('b=9&c=3&d=4')
  })

  test('stays until the program sets the same key', () => {
    const metadata = written('a=1&b=2')
    metadata.edited('a=9&b=9')
    metadata.set('a=1')
    expect(String(metadata)).toBe('a=1&b=9')
    metadata.set('a=1&b=2')
    expect(String(metadata)).toBe('a=1&b=2')
  })

  test('that only writes the same values in another way is no edit', () => {
    const metadata = written('weight=10&group=a')
    metadata.edited('group=%61&weight=10')
    expect(String(metadata)).toBe('weight=10&group=a')
  })

  test('is found by comparison with what was written last, not with what the program set first', () => {
    const metadata = written('n=1')
    metadata.set('n=2')
    metadata.written('n=2')
    metadata.edited('n=2&state=inactive')
    metadata.set('n=3')
    expect(String(metadata)).toBe('n=3&state=inactive')
  })

  test('that is undone leaves nothing', () => {
    const metadata = written('n=1')
    metadata.edited('n=1&state=inactive')
    metadata.written('n=1&state=inactive')
    metadata.edited('n=1')
    expect(String(metadata)).toBe('n=1')
  })

  test('never changes calls and connections', () => {
    const metadata = written('n=1')
    metadata.measure(figures)
    metadata.written(String(metadata))
    metadata.edited('calls=99.00&n=1&state=inactive')
    expect(String(metadata)).toBe('calls=2.50&connections=0.13&n=1&state=inactive')
  })

  test('of metadata that Go could not read is kept as it is', () => {
    const metadata = written('rate=50%')
    metadata.edited('rate=50&state=inactive')
    expect(String(metadata)).toBe('rate=50&state=inactive')
  })
})
