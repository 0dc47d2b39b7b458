import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Flag, Serialize } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { closing } from '../helpers.ts'
import { Program } from '../program.ts'

const MIB = 1024 * 1024

/** The sum of the budgets of `programs/budgeted-server.ts`, by the formula of docs/security.md. */
const BUDGETS = 64 + 16 + 32 + 64
/** The extra memory of one call, which is decompressed and decoded before it counts. */
const ONE_CALL = 2 * 16 + (100_000 * 64) / MIB

/** V8 collects garbage once it is about half as large as the memory in use. */
const GARBAGE = 1.5

test("a server under every attack at once stays within the memory that the guide's formula allows", async () => {
  const program = closing(new Program('budgeted-server'))
  const address = await program.line(0)
  const port = Number(address.split(':').at(-1))
  let asked = 0
  const rss = async (): Promise<number> => {
    program.signal('SIGUSR2')
    const line = await program.line(++asked)
    const [, bytes] = /^(\d+) bytes$/.exec(line) ?? []
    if (bytes === undefined) throw new Error(`the program says ${JSON.stringify(line)}: ${program.lines}`)
    return Number(bytes)
  }
  const peer = async (): Promise<BarePeer> => closing(await BarePeer.connect(port))
  const before = await rss()

  // Calls that decompress to 8 MiB each, and keep running.
  const inflated = Buffer.concat([Buffer.from([0xc6, 0, 0x80, 0, 0]), Buffer.alloc(8 * MIB)])
  const bomb = gzipSync(inflated)
  for (let i = 0; i < 5; i++) {
    const each = await peer()
    for (let seq = 0; seq < 50; seq++)
      each.send(
        frame({
          seq,
          service: 'S',
          method: 'wait',
          flags: Flag.gzip,
          payload: bomb,
          serialize: Serialize.msgpack,
        }),
      )
  }
  // Short calls that decode to large values.
  const objects = Buffer.alloc(5 + 90_000, 0x80)
  objects[0] = 0xdd
  objects.writeUInt32BE(90_000, 1)
  for (let i = 0; i < 5; i++) {
    const each = await peer()
    for (let seq = 0; seq < 50; seq++)
      each.send(frame({ seq, service: 'S', method: 'wait', payload: objects, serialize: Serialize.msgpack }))
  }
  // Frames that do not end.
  const long = frame({ service: 'S', method: 'wait', payload: Buffer.alloc(15 * MIB) }).subarray(0, 14 * MIB)
  for (let i = 0; i < 20; i++) (await peer()).send(long)
  // Replies that nobody reads: in a few rounds, so that what is asked for has begun.
  for (let i = 0; i < 4; i++) {
    const deaf = await peer()
    deaf.socket.pause()
    for (let seq = 0; seq < 30; seq++)
      deaf.send(frame({ seq, service: 'S', method: 'big', payload: 'null', serialize: Serialize.json }))
  }
  let last = 0
  let most = await rss()
  for (let quiet = 0; quiet < 20; quiet++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    last = most
    most = await rss()
    if (most > last) quiet = 0
  }
  const more = (most - before) / MIB
  console.info(
    `${more.toFixed(0)} MiB more, of ${((BUDGETS + ONE_CALL) * GARBAGE).toFixed(0)} by the formula`,
  )
  expect(more).toBeLessThan((BUDGETS + ONE_CALL) * GARBAGE)
})
