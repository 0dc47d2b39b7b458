import { readdirSync, readFileSync } from 'node:fs'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { version } from '../../src/version.ts'
import { decompress } from '../../src/wire/compress.ts'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import { Offset, ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import { BarePeer, BareServer } from '../bare-peer.ts'
import { clientOf, closing, portOf } from '../helpers.ts'
import type { RecordedScenario, Recording } from './recorder.ts'
import type { Recorded } from './scenarios.ts'
import { offer, scenarios } from './scenarios.ts'

// Users upgrade servers and clients one by one, so each release must understand all earlier ones.

const folder = new URL('../fixtures/releases/', import.meta.url)
const recordings = readdirSync(folder).map(
  (file): Recording => JSON.parse(readFileSync(new URL(file, folder), 'utf8')),
)

test('the frames of this release are recorded', () => {
  expect(recordings.map(recording => recording.version)).toContain(version)
})

describe.each(recordings)('release $version', recording => {
  test.each(Object.entries(recording.scenarios))(
    'gets from the server of today the answers of its own server: %s',
    async (_name, { exchange }) => {
      const server = closing(new Server({ noticeMs: 0, lingerMs: 50 }))
      const finish = offer(server)
      await server.serve('tcp', '127.0.0.1:0')
      const peer = closing(await BarePeer.connect(portOf(server)))
      const expected: Message[] = []
      for (const said of exchange) {
        if ('hex' in said) {
          const { message, bytes } = read(said.hex)
          if (said.from === 'server') {
            await peer.message(expected.length)
            expected.push(message)
          } else {
            // Its replies have the number that this server chose.
            const asked = peer.messages.find(
              ({ isResponse, method }) => !isResponse && method === message.method,
            )
            peer.send(message.isResponse && asked ? numbered(bytes, asked) : bytes)
          }
        } else if (said.server === 'drain') void server.close()
        else finish()
      }
      expect(described(peer.messages)).toMatchObject(described(expected))
    },
  )

  test.each(Object.entries(recording.scenarios))(
    'gets from the client of today the calls of its own client: %s',
    async (name, recorded) => {
      const played = new Played(recorded)
      const server = closing(
        await BareServer.listen({ onMessage: (message, peer) => played.hear(message, peer) }),
      )
      const scenario = scenarios[name]
      const client = clientOf<Recorded>('Recorded', [server], {
        failMode: 'failfast',
        ...scenario?.options,
      })
      const outcome = await scenario?.run(client, { drain: () => {}, finish: () => {} })
      expect(JSON.parse(JSON.stringify(outcome))).toEqual(recorded.outcome)
      expect(described(played.heard)).toMatchObject(described(played.expected))
    },
  )
})

interface Frame {
  readonly from: 'client' | 'server'
  readonly bytes: Buffer
  readonly message: Message
}

/** A server of an earlier release, which replays its recorded frames. */
class Played {
  /** The frames of the client of that release. */
  readonly expected: Message[] = []
  readonly heard: Message[] = []
  readonly #exchange: readonly Frame[]
  /** The recorded frames that have come, with their messages. */
  readonly #came = new Map<number, Message>()
  #at = 0

  constructor({ exchange }: RecordedScenario) {
    this.#exchange = exchange.flatMap(said => ('hex' in said ? [{ from: said.from, ...read(said.hex) }] : []))
    for (const { from, message } of this.#exchange) if (from === 'client') this.expected.push(message)
  }

  hear(message: Message, peer: BarePeer): void {
    const index = this.#exchange.findIndex(
      (said, i) => said.from === 'client' && !this.#came.has(i) && isAlike(said.message, message),
    )
    if (index >= 0) {
      this.heard.push(message)
      this.#came.set(index, message)
      this.#answer(peer)
      // A later client may send more heartbeats.
    } else if (message.isHeartbeat) peer.reply(message, { flags: message.flags, payload: message.payload })
    else throw new Error(`no such frame was recorded: ${JSON.stringify(described([message]))}`)
  }

  /** Sends the recorded frames up to the next one that waits for the client. */
  #answer(peer: BarePeer): void {
    for (const { from, bytes, message } of this.#exchange.slice(this.#at)) {
      if (from === 'client' && !this.#came.has(this.#at)) return
      this.#at++
      if (from === 'client') continue
      const asked = this.#exchange.findIndex(
        said => said.from === 'client' && !said.message.isResponse && said.message.seq === message.seq,
      )
      const came = message.isResponse ? this.#came.get(asked) : undefined
      peer.send(came ? numbered(bytes, came) : bytes)
    }
  }
}

function read(hex: string): { readonly bytes: Buffer; readonly message: Message } {
  const bytes = Buffer.from(hex, 'hex')
  let message: Message | undefined
  new FrameDecoder(
    found => {
      message = found
    },
    { maxFrameBytes: 2 ** 20 },
  ).push(Buffer.from(bytes))
  if (message === undefined) throw new Error(`no frame: ${hex}`)
  return { bytes, message }
}

/** Returns the same frame with the number of another one. */
function numbered(bytes: Buffer, { seq }: Message): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeBigUInt64BE(BigInt(seq), Offset.seq)
  return copy
}

function isAlike(one: Message, other: Message): boolean {
  return one.flags === other.flags && one.service === other.service && one.method === other.method
}

/** Returns what must be the same in each release, in an order that does not depend on timing. Later releases may add metadata. */
function described(messages: readonly Message[]): unknown[] {
  return messages
    .map(message => {
      const { flags, serialize, service, method, isResponse, isHeartbeat, metadata } = message
      // The remaining time until the deadline differs.
      const { [ReservedKey.timeout]: timeout, ...others } = metadata
      return {
        flags,
        serialize,
        service,
        method,
        // The caller chooses the number.
        ...(isResponse && { seq: Number(message.seq) }),
        hasTimeout: timeout !== undefined,
        metadata: others,
        // A heartbeat has the time at which it was sent, and its response returns that time.
        payload:
          isHeartbeat && !isResponse ? '' : decompress(message.payload, flags, 2 ** 20).toString('latin1'),
      }
    })
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
