import { expect, test } from 'vitest'
import { fuzz } from '../src/fuzz.ts'
import { consul } from '../src/targets/consul.ts'
import { registries, wire } from '../src/targets/index.ts'
import { jute } from '../src/targets/jute.ts'
import { tried } from '../src/trial.ts'

test.each([...wire, ...registries])('hostile inputs do no harm to $name', async target => {
  const count = 2_000 * (target.share ?? 1)
  const { inputs } = await fuzz(target, count)
  expect(inputs).toBe(count)
})

// Inputs that failed in the past.
test.each([
  [
    'an answer of 41 bytes that announces 1 GiB of data',
    jute,
    '0100000025000000070101010101010101000000004000000063616c6c733d302e30302677656967687d',
  ],
  [
    'keys without a name',
    consul,
    '5b7b22223a312c22223a22222c22223a302c22223a22222c22223a327d2c7b22223a22222c22223a22222c22223a327d5d',
  ],
] as const)('%s does no harm', async (_what, target, hex) => {
  expect(await tried(target, Buffer.from(hex, 'hex'))).toBeUndefined()
})
