import { readFileSync } from 'node:fs'
import { parseMetadata } from '@rpcx/core'
import { parseAddress, parseHostPort } from '../../../../packages/core/src/address.ts'
import type { Target } from '../target.ts'
import { nothing, only } from './errors.ts'

interface Vectors {
  readonly address: { readonly vectors: readonly { readonly in: string }[] }
  readonly metadata: { readonly vectors: readonly { readonly in: string }[] }
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../../packages/core/test/fixtures/vectors.json', import.meta.url), 'utf8'),
)

/** The metadata of an entry, a query string. */
export const query: Target = {
  name: 'query',
  corpus: vectors.metadata.vectors.map(vector => Buffer.from(vector.in)),
  tokens: ['%41', '%', '%zz', '&', '=', '&a=', ';', '+', '%ff'].map(text => Buffer.from(text)),
  decode: input => parseMetadata(input.toString()),
  mayThrow: nothing,
}

/** The address of an entry. */
export const address: Target = {
  name: 'address',
  corpus: vectors.address.vectors.map(vector => Buffer.from(vector.in)),
  tokens: ['@', ':', '[', ']', '::', '65536', 'tcp@', 'unix@/'].map(text => Buffer.from(text)),
  decode(input) {
    const parsed = parseAddress(input.toString())
    return [parsed, parseHostPort(parsed.host)]
  },
  mayThrow: only('ERR_RPCX_ADDRESS'),
}
