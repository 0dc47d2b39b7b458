import type { ServerHooks, ServerOptions } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import type { BareFrame } from '../bare-frame.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { closing, portOf, serving } from '../helpers.ts'

// Whatever goes wrong, neither a stack trace nor a path of this server nor the arguments of the call go over the wire.

const ARGUMENT = 'argument-of-the-caller'

/** A typical error, whose stack, cause and fields reveal much about the server. */
function mishap(): Error {
  const cause = new Error(`cause in ${import.meta.filename}`)
  return Object.assign(new Error('mishap', { cause }), { path: '/etc/server/secret.json', args: ARGUMENT })
}

const throwing = (): never => {
  throw mishap()
}

const service = {
  throws: throwing,
  rejects: () => Promise.reject(mishap()),
  unencodable: () => ({ at: 1n << 80n, path: import.meta.filename }),
  badMetadata: (_: unknown, { responseMetadata }: { responseMetadata: Record<string, unknown> }) => {
    responseMetadata.at = { path: import.meta.filename }
  },
  wait: () => new Promise(() => {}),
}

const call = (fields: BareFrame): BareFrame => ({
  service: 'Any',
  method: 'throws',
  payload: JSON.stringify({ secret: ARGUMENT }),
  metadata: { note: ARGUMENT },
  ...fields,
})

interface Case {
  readonly call?: BareFrame
  readonly options?: ServerOptions
  readonly hooks?: ServerHooks
  readonly drains?: boolean
}

const paths: Record<string, Case> = {
  'a method that throws': {},
  'a method that rejects': { call: { method: 'rejects' } },
  'a reply that no codec takes': { call: { method: 'unencodable' } },
  'metadata that are no texts': { call: { method: 'badMetadata' } },
  'no such service': { call: { service: 'None' } },
  'no such method': { call: { method: 'none' } },
  'no such codec': { call: { serialize: 9 } },
  'arguments that are no JSON': { call: { payload: `{"secret":"${ARGUMENT}` } },
  'arguments that are a word': { call: { payload: ARGUMENT } },
  'arguments that end in a word': { call: { payload: `{"secret":${ARGUMENT}}` } },
  'arguments that are nearly JSON': { call: { payload: `{"secret":"${ARGUMENT}" x` } },
  'arguments that are no MessagePack': { call: { payload: Buffer.from(`\xdf${ARGUMENT}`, 'latin1') } },
  'authenticate says no': { options: { authenticate: () => false } },
  'authenticate throws': { options: { authenticate: throwing } },
  'authenticate rejects': { options: { authenticate: async () => throwing() } },
  'too many calls': { call: { method: 'wait' }, options: { maxConcurrentCalls: 1, maxQueuedCalls: 0 } },
  'too many calls a second': { options: { rateLimit: { callsPerSecond: 0.001, burst: 1 } } },
  'a server that drains': { drains: true },
  'a plugin that throws in afterRead': { hooks: { afterRead: throwing } },
  'a plugin that throws in beforeCall': { hooks: { beforeCall: throwing } },
  'a plugin that throws in around': { hooks: { around: throwing } },
  'a plugin that throws in afterCall': { hooks: { afterCall: throwing } },
  'a plugin that throws in beforeWrite': { hooks: { beforeWrite: throwing } },
}

describe('no secret leaves the server with', () => {
  test.each(Object.keys(paths))('%s', async name => {
    const { call: fields = {}, options = {}, hooks, drains = false } = paths[name] as Case
    const server = await serving({ Any: service }, { ...options, noticeMs: 0, drainMs: 0 })
    if (hooks !== undefined) server.plugins.add({ attach: () => hooks })
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ ...call({ ...fields, method: 'wait' }), service: 'Any', payload: 'null', seq: 1 }))
    if (drains) void server.close()
    peer.send(frame({ ...call(fields), seq: 2 }))
    while (!peer.isClosed && !peer.messages.some(({ seq }) => seq === 2)) {
      await Promise.race([peer.message(peer.messages.length).catch(() => {}), peer.closed()])
    }
    expect(peer.messages.some(({ isError }) => isError)).toBe(true)
    const sent = peer.bytes.toString('latin1')
    expect(sent).not.toMatch(/\n? {4}at |node:internal|\.[jt]s\b|\/etc|packages|node_modules/)
    for (const secret of [ARGUMENT.slice(0, 8), process.cwd(), 'cause in'])
      expect(sent, secret).not.toContain(secret)
  })
})
