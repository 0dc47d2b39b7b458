import { describe, expect, test } from 'vitest'
import { collidingNumbers } from '../src/bombs.ts'
import { fuzz } from '../src/fuzz.ts'
import { shrunk } from '../src/shrink.ts'
import type { Target } from '../src/target.ts'
import { LIMITS } from '../src/target.ts'
import { tried } from '../src/trial.ts'

/** Returns a target that accepts everything, except for what the test changes. */
function target(change: Partial<Target>): Target {
  const corpus = [Buffer.from('a good input'), Buffer.from('another')]
  return { name: 'tested', corpus, decode: input => input.toString(), mayThrow: () => false, ...change }
}

describe('The fuzzer reports an input', () => {
  test('that makes the target throw an error outside the allowed ones', async () => {
    const decode = (input: Buffer): void => {
      if (input.includes(0xff)) throw new TypeError('not foreseen')
    }
    const failed = fuzz(target({ decode }), 10_000, 1)
    await expect(failed).rejects.toThrow(
      /^tested: threw: TypeError: not foreseen \(RPCX_SEED=1, input \d+ of \d+ bytes, in short ff\)$/,
    )
    expect(
      await fuzz(target({ decode, mayThrow: error => error instanceof TypeError }), 1_000, 1),
    ).toMatchObject({
      inputs: 1_000,
    })
  })

  test('that makes the target reject', async () => {
    const decode = async (): Promise<void> => {
      throw new Error('later')
    }
    await expect(fuzz(target({ decode }), 10, 1)).rejects.toThrow('tested: threw: Error: later')
  })

  test('that takes long: numbers that collide in a Map', async () => {
    const numbers = collidingNumbers(15_000)
    const decode = (input: Buffer): unknown =>
      new Map(numbers.slice(0, input.length / 10).map(key => [key, 1]))
    expect(await tried(target({ decode }), Buffer.alloc(150_000))).toMatchObject({ kind: 'took long' })
    const others = numbers.map((_, i) => i + 0.5)
    const harmless = (): unknown => new Map(others.map(key => [key, 1]))
    expect(await tried(target({ decode: harmless }), Buffer.alloc(150_000))).toBeUndefined()
  })

  test('that keeps much memory, in the heap or outside of it', async () => {
    const input = Buffer.from(`[${'{},'.repeat(200_000)}{}]`)
    const json = target({ decode: bytes => JSON.parse(bytes.toString()), limits: { heapFactor: 8 } })
    expect(await tried(json, input)).toMatchObject({ kind: 'holds much' })
    expect(await tried({ ...json, limits: { heapFactor: 64 } }, input)).toBeUndefined()
    const beside = target({ decode: () => Buffer.alloc(2 * LIMITS.heapBytes) })
    expect(await tried(beside, Buffer.from('x'))).toMatchObject({ kind: 'holds much' })
    // Memory that is released at once does not count.
    const passing = target({ decode: () => Buffer.alloc(2 * LIMITS.heapBytes).length })
    expect(await tried(passing, Buffer.from('x'))).toBeUndefined()
  })
})

test('the same seed gives the same inputs', async () => {
  const seen: string[][] = []
  for (const seed of [1, 1, 2]) {
    const inputs: string[] = []
    const decode = (input: Buffer): void => void inputs.push(input.toString('hex'))
    await fuzz(target({ decode }), 500, seed)
    seen.push(inputs)
  }
  expect(seen[0]).toEqual(seen[1])
  expect(seen[0]).not.toEqual(seen[2])
  expect(new Set(seen[0]).size).toBeGreaterThan(300)
})

test('an input is shortened to the part that matters', async () => {
  const input = Buffer.from(`${'x'.repeat(1_000)}(${'y'.repeat(77)})${'z'.repeat(333)}`)
  const short = await shrunk(input, async bytes => /\(.*\)/.test(bytes.toString()))
  expect(short.toString()).toBe('()')
})
