import { decompress } from '../../../../packages/core/src/wire/compress.ts'
import { FrameDecoder } from '../../../../packages/core/src/wire/frame-decoder.ts'
import type { Message } from '../../../../packages/core/src/wire/message.ts'
import { bytesOf, scenarios } from '../../../../packages/core/test/wire/recording.ts'
import type { Target } from '../target.ts'
import { only } from './errors.ts'

/** Short frames that were recorded from Go's client and server. */
export const recordedFrames: readonly Buffer[] = scenarios
  .flatMap(({ exchange }) => exchange.map(bytesOf))
  .filter(bytes => bytes !== undefined && bytes.length <= 600) as Buffer[]

/** The bytes of a connection, in two pieces. */
export const frames: Target = {
  name: 'frames',
  corpus: recordedFrames,
  tokens: ['08000010', '0800001000000000000000000000', '00000000'].map(hex => Buffer.from(hex, 'hex')),
  decode(input) {
    const messages: Message[] = []
    const decoder = new FrameDecoder(message => messages.push(message), { maxFrameBytes: 4_096 })
    const middle = (input[input.length >> 1] ?? 0) % (input.length + 1)
    decoder.push(input.subarray(0, middle))
    decoder.push(input.subarray(middle))
    return messages.map(message => {
      const { seq, service, method, payload } = message
      return [seq, service, method, message.metadata, decompress(payload, message.flags, 4_096)]
    })
  },
  mayThrow: only('ERR_RPCX_FRAME'),
}
