import { gzipSync } from 'node:zlib'
import { decompress } from '../../../../packages/core/src/wire/compress.ts'
import { Flag } from '../../../../packages/core/src/wire/header.ts'
import type { Target } from '../target.ts'
import { only } from './errors.ts'

const MAX_BYTES = 65_536

/** Compressed payloads. The limit of frames decides how large they may be after decompression, not their own length. */
export const gzip: Target = {
  name: 'gzip',
  corpus: ['', 'a text', 'a text '.repeat(1_000), '\0'.repeat(MAX_BYTES)].map(text => gzipSync(text)),
  tokens: [gzipSync('another member'), Buffer.from('1f8b0800', 'hex')],
  decode: input => decompress(input, Flag.gzip, MAX_BYTES),
  mayThrow: only('ERR_RPCX_FRAME'),
  limits: { inputBytes: 1_024 },
  // Each input uses memory outside the heap, which makes V8 collect garbage.
  share: 0.1,
}
