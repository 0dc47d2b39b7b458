import { describe, expect, test } from 'vitest'
import { decompress } from '../../../packages/core/src/wire/compress.ts'
import { Flag } from '../../../packages/core/src/wire/header.ts'
import { collidingFloats, emptyJsonObjects, emptyObjects, zipped } from '../src/bombs.ts'
import type { Target } from '../src/target.ts'
import { json, msgpack } from '../src/targets/payloads.ts'
import { tried } from '../src/trial.ts'

/** Compresses a payload as on the wire, and decodes it with the default limit of frames. */
const compressed = (target: Target): Target => ({
  ...target,
  decode: input => target.decode(decompress(input, Flag.gzip, 16 * 2 ** 20)),
})

describe('A payload uses no more memory than its bytes allow, or is rejected', () => {
  test.each<[string, Target, Buffer]>([
    ['2 000 000 empty objects in MessagePack', msgpack, emptyObjects(2_000_000)],
    ['4 000 000 of them, compressed to 4 KiB', compressed(msgpack), zipped(emptyObjects(4_000_000))],
    ['1 000 000 empty objects in JSON, compressed', compressed(json), zipped(emptyJsonObjects(1_000_000))],
    ['20 000 numbers as keys that collide', msgpack, collidingFloats(20_000)],
  ])('%s', async (_what, target, input) => {
    expect(await tried(target, input)).toBeUndefined()
  })
})
