import { Block } from '../../../../packages/core/src/wire/block.ts'
import { checkPairs, findPair, readPairs } from '../../../../packages/core/src/wire/pairs.ts'
import type { Target } from '../target.ts'
import { only } from './errors.ts'

/** The metadata of a message. */
export const pairs: Target = {
  name: 'pairs',
  corpus: [
    written(['__AUTH', 'secret']),
    written(
      ['__ServerTimeout', '1000'],
      ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    ),
    written(['__rpcx_error__', 'a message'], ['__rpcx_code__', 'ERR_RPCX_SERVICE']),
    written(['', ''], ['__proto__', 'é世界'], ['a', ''], ['a', 'b']),
  ],
  tokens: [written(['', '']), Buffer.from('00000001', 'hex')],
  decode(input) {
    const block = new Block(input)
    checkPairs(block.view, 0, input.length)
    return [findPair(block, 0, input.length, '__AUTH'), readPairs(block, 0, input.length)]
  },
  mayThrow: only('ERR_RPCX_FRAME'),
}

function written(...all: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    all.flat().flatMap(text => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(text))
      return [length, Buffer.from(text)]
    }),
  )
}
