import { isSameToken, Server } from '@rpcx/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAddress, parseHostPort } from '../../src/address.ts'
import { Block } from '../../src/wire/block.ts'
import { compress, decompress } from '../../src/wire/compress.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import { Flag, ReservedKey, Serialize } from '../../src/wire/header.ts'
import { Message } from '../../src/wire/message.ts'
import { frame } from '../bare-frame.ts'
import type { Entry, Scenario } from '../wire/recording.ts'
import { bytesOf, scenarios } from '../wire/recording.ts'
import type { Difference } from './differences.ts'
import { differences } from './differences.ts'
import { RecordedPeer } from './recorded-peer.ts'
import { offerRecordedServices, protobuf, thrift } from './recorded-services.ts'
import { asTyped, meaningOf, rounded } from './recorded-value.ts'

// Sends the recorded bytes of Go's clients to our server over TCP, and compares the replies by their meaning.

/** Families of scenarios that say nothing about our server. */
const notReplayed: Record<string, string> = {
  'fakeserver.': 'how the Go client takes replies made by hand',
  'client.': 'what the Go client does by itself',
  'shutdown.': 'how a Go server goes away; ours drains instead',
}

describe('our server, given the recorded bytes of clients of the Go server,', () => {
  const server = new Server()
  const withCodecs = new Server({ codecs: [protobuf, thrift] })
  const guarded = new Server({ authenticate: ({ token }) => isSameToken(token, TOKEN) })
  const servers = [server, withCodecs, guarded]
  const replayed = scenarios.filter(({ name }) => familyOf(name) === undefined)
  const used = new Set<string>()
  let done = 0

  beforeAll(async () => {
    for (const each of servers) {
      offerRecordedServices(each)
      await each.serve('tcp', '127.0.0.1:0')
    }
  })
  afterAll(async () => {
    await Promise.all(servers.map(each => each.close()))
  })

  for (const scenario of replayed) {
    const { name } = scenario
    const ours = differencesIn(name)
    const why = [...new Set(ours.map(key => differences[key]?.why))].join('; ')

    test(why === '' ? `answers as Go: ${name}` : `answers in its own way: ${name}, for ${why}`, async () => {
      const isCoded = /^(protobuf|thrift)\.echo$/.test(name)
      const target = isCoded ? withCodecs : name.startsWith('auth.') ? guarded : server
      const port = portOf(target)
      const peer = await RecordedPeer.connect(port)
      try {
        await send(scenario, peer, port)
        await expectEnd(scenario, peer)
        expectReplies(scenario, peer.replies)
      } finally {
        peer.destroy()
      }
      for (const key of ours) used.add(key)
      done++
    })
  }

  test('answers all scenarios except those of the families listed', () => {
    for (const prefix of Object.keys(notReplayed)) {
      expect(scenarios.some(({ name }) => familyOf(name) === prefix)).toBe(true)
    }
    expect([done, scenarios.length - done]).toEqual([260, 43])
  })

  test('differs from Go only in scenarios that exist', () => {
    expect([...used].sort()).toEqual(Object.keys(differences).sort())
  })

  test('compresses a reply above 1024 bytes to a compressed request, as Go does, and no shorter one', async () => {
    const peer = await RecordedPeer.connect(portOf(server))
    for (const length of [1024, 1025]) {
      const writer = new FrameWriter()
      const names = { service: 'Raw', method: 'Echo' }
      const envelope = { serialize: Serialize.raw, seq: length, ...names, metadata: {} }
      writer.write(envelope, Flag.gzip, compress(Buffer.alloc(length)))
      const reply = await peer.answer(Buffer.concat(writer.take()), length)
      expect(reply?.flags).toBe(Flag.response | (length > 1024 ? Flag.gzip : 0))
    }
    peer.destroy()
  })

  test('rejects the service name with slashes that Go accepts', () => {
    const service =
      scenarios.find(({ name }) => name === 'name.long')?.exchange[0]?.decoded?.servicePath ?? ''
    expect(service).toHaveLength(1380)
    expect(() => server.registerName(service, { Mul: () => ({}) })).toThrow('has a /')
  })
})

/** Sends the client's bytes. Each part waits until as many replies have come as in the recording. */
async function send({ exchange }: Scenario, peer: RecordedPeer, port: number): Promise<void> {
  let owed = 0
  for (const entry of exchange) {
    if (isReply(entry)) owed++
    if (entry.from !== 'client') continue
    await peer.received(owed)
    if (entry.event === 'fin') peer.finish()
    else peer.send(bytesOf(entry) as Buffer)
    if (entry.note?.startsWith('part')) await untilRead(port)
  }
}

/** Waits for a reply on another connection, because by then the server has read everything that was sent before. */
async function untilRead(port: number): Promise<void> {
  const bystander = await RecordedPeer.connect(port)
  await bystander.answer(SENTINEL, SENTINEL_SEQ)
  bystander.destroy()
}

/** The server closed the connection if Go's did; otherwise it answers one request more. */
async function expectEnd({ name, exchange }: Scenario, peer: RecordedPeer): Promise<void> {
  const { beats, refuses } = differences[name] ?? {}
  if (refuses !== undefined) {
    await peer.received(1)
    return
  }
  const closes =
    beats !== true &&
    exchange.some(({ from, event }) => from === 'server' && (event === 'fin' || event === 'reset'))
  if (closes || differences[name]?.closes === true) {
    await peer.closed()
    if (closes) expect(differences[name]?.closes).toBeUndefined()
    return
  }
  await peer.received(exchange.filter(isReply).length)
  const answer = await peer.answer(SENTINEL, SENTINEL_SEQ)
  expect(answer?.payload.toString('hex'), 'the connection is still open').toBe('81a1432a')
}

const SENTINEL_SEQ = 0xfeed_feed_feed_feedn
// The only token that the recorded server took.
const TOKEN = 'bearer good'
// Arith.Mul { A: 6, B: 7 }
const SENTINEL = frame({
  seq: SENTINEL_SEQ,
  service: 'Arith',
  method: 'Mul',
  metadata: { [ReservedKey.auth]: TOKEN },
  payload: Buffer.from('82a14106a14207', 'hex'),
})

function expectReplies({ name, exchange }: Scenario, replies: readonly Message[]): void {
  const { beats, refuses } = differences[name] ?? {}
  if (refuses !== undefined) {
    expect(replies.map(reply => reply.metadataValue(ReservedKey.error))).toEqual([
      expect.stringMatching(refuses),
    ])
    return
  }
  if (beats === true) {
    const frames = exchange.filter(({ from }) => from === 'client').map(entry => bytesOf(entry) as Buffer)
    for (const sent of frames) sent[2] = (sent[2] as number) | Flag.response
    const own = replies.filter(reply => reply.isHeartbeat)
    expect(own.map(reply => reply.frame.toString('hex'))).toEqual(frames.map(sent => sent.toString('hex')))
    return
  }
  const recorded = differences[name]?.closes === true ? [] : exchange.filter(isReply).map(messageOf)
  const own = replies.filter(reply => reply.seq !== SENTINEL_SEQ)
  if (name === 'pipeline.out-of-order') expect(own.map(numberOf)).toEqual(recorded.map(numberOf))
  // Several requests may have one number, and replies may overtake each other.
  const unanswered = [...recorded]
  for (const reply of own) {
    const key = `${name}#${reply.seq}`
    const at = unanswered.findIndex(go => numberOf(go) === numberOf(reply))
    const go = at < 0 ? undefined : unanswered.splice(at, 1)[0]
    const request = exchange.find(
      ({ from, decoded }) => from === 'client' && decoded?.seq === numberOf(reply),
    )
    expectReply(key, reply, go, request && messageOf(request))
  }
  expect(unanswered.map(numberOf), 'replies that did not come').toEqual([])
  const answered = own.map(reply => `${name}#${numberOf(reply)}`)
  expect(answered).toEqual(expect.arrayContaining(differencesIn(name).filter(key => key !== name)))
}

function expectReply(
  key: string,
  reply: Message,
  go: Message | undefined,
  request: Message | undefined,
): void {
  const difference = differences[key]
  if (go === undefined)
    expect(difference, `${key}: a reply that Go did not send`).toMatchObject({ answers: true })
  // Pushed messages too, because our service chooses their contents.
  if (go !== undefined && (go.isHeartbeat || !go.isResponse)) {
    expect(reply.frame.toString('hex'), key).toBe(go.frame.toString('hex'))
    return
  }
  const theirs = go === undefined ? LOST : asOurs(read(go))
  const ours = read(reply)
  const expected = difference === undefined ? theirs : differ(theirs, difference, request)
  expect({ ...ours, value: asTyped(ours.value, expected.value) }, key).toEqual(expected)
  // A difference that no longer exists must be removed from the list.
  if (difference !== undefined) expect(asTyped(ours, theirs), key).not.toEqual(theirs)
}

/** Returns the parts of a reply that have a meaning. */
interface Reply {
  readonly service: string
  readonly method: string
  readonly version: number
  readonly serialize: number
  readonly flags: number
  /** The lower half of byte 3. */
  readonly nibble: number
  readonly metadata: Record<string, string>
  readonly value: unknown
}

function read(message: Message): Reply {
  const { service, method, version, serialize, flags, metadata, frame } = message
  const value = meaningOf(decompress(message.payload, flags, 2 ** 20), serialize)
  return {
    service,
    method,
    version,
    serialize,
    flags,
    nibble: (frame[3] as number) & 0x0f,
    metadata: { ...metadata },
    value,
  }
}

const EMPTY = { $hex: '' }

/** The reply to a call of Arith.Mul that Go did not send before it closed. */
const LOST: Reply = {
  service: 'Arith',
  method: 'Mul',
  version: 0,
  serialize: 3,
  flags: Flag.response,
  nibble: 0,
  metadata: {},
  value: EMPTY,
}

/**
 * Go's reply with the two differences that all failures have: there is a code beside the text, and no payload, as a method
 * that throws has no reply value, while a Go method may have begun to fill one.
 */
function asOurs(go: Reply): Reply {
  const text = go.metadata[ReservedKey.error]
  if (text === undefined) return go
  return { ...go, metadata: { ...go.metadata, [ReservedKey.code]: codeOf(text) }, value: EMPTY }
}

function codeOf(text: string): string {
  if (text.startsWith("rpcx: can't find service")) return 'ERR_RPCX_SERVICE_NOT_FOUND'
  if (text.startsWith("rpcx: can't find method")) return 'ERR_RPCX_METHOD_NOT_FOUND'
  if (text.startsWith('can not find codec')) return 'ERR_RPCX_CODEC'
  if (text === 'invalid token') return 'ERR_RPCX_AUTH'
  return 'ERR_RPCX_SERVICE'
}

function differ(go: Reply, difference: Difference, request: Message | undefined): Reply {
  const { error, header = {} } = difference
  if (error !== undefined) {
    const metadata = {
      [ReservedKey.error]: expect.stringMatching(error.text),
      [ReservedKey.code]: error.code,
    }
    return { ...go, flags: go.flags | Flag.error, metadata, value: EMPTY }
  }
  if ('nibble' in header || 'status' in header) {
    const { status = go.flags & Flag.status, nibble = go.nibble } = header
    return { ...go, flags: (go.flags & ~Flag.status) | status, nibble }
  }
  const base = { ...go, flags: go.flags & ~Flag.status, metadata: {} }
  if (difference.echoes === true) {
    return { ...base, value: meaningOf((request as Message).payload, go.serialize) }
  }
  return { ...base, value: difference.rounds === true ? rounded(go.value) : difference.value }
}

/** Returns the keys of our differences in a scenario. */
function differencesIn(name: string): string[] {
  return Object.keys(differences).filter(key => key.split('#')[0] === name)
}

function isReply({ from, decoded }: Entry): boolean {
  return from === 'server' && decoded !== undefined
}

function messageOf(entry: Entry): Message {
  const bytes = bytesOf(entry) as Buffer
  return new Message(new Block(bytes), 0, bytes.length)
}

function numberOf({ seq }: Message): string {
  return String(seq)
}

function familyOf(name: string): string | undefined {
  return Object.keys(notReplayed).find(prefix => name.startsWith(prefix))
}

function portOf(server: Server): number {
  return parseHostPort(parseAddress(server.address ?? '').host).port
}
