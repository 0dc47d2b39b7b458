import type { CallContext } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'

interface Service {
  method(): unknown
}

async function serve(method: (args: unknown, context: CallContext) => unknown) {
  const server = await serving({ Service: { method } })
  const peer = async (): Promise<BarePeer> => closing(await BarePeer.connect(portOf(server)))
  return { server, peer, client: clientOf<Service>('Service', [server]) }
}

const request = (metadata: Record<string, string> = {}): Buffer =>
  frame({ service: 'Service', method: 'method', payload: 'null', metadata })

describe('the context of a call', () => {
  test('names the service and the method', async () => {
    const { client } = await serve((_, { service, method }) => `${service}.${method}`)
    expect(await client.call('method')).toBe('Service.method')
  })

  test('has the metadata of the caller, without special keys', async () => {
    const { client } = await serve((_, { metadata }) => ({
      ...metadata,
      proto: Object.getPrototypeOf(metadata),
    }))
    const metadata = { lang: 'de', ['__proto__']: 'text', empty: '' }
    expect(await client.call('method', undefined, { metadata, timeoutMs: 0 })).toEqual({
      lang: 'de',
      ['__proto__']: 'text',
      empty: '',
      proto: null,
    })
  })

  test('sends responseMetadata with the reply, and with an error', async () => {
    const { client, peer } = await serve((_, { metadata, responseMetadata }) => {
      responseMetadata.region = 'eu'
      if (metadata.fail !== undefined) throw new Error('failed')
      return 1
    })
    expect(await client.invoke('method')).toMatchObject({ reply: 1, metadata: { region: 'eu' } })
    const bare = await peer()
    bare.send(request({ fail: 'yes' }))
    expect((await bare.message(0)).metadata).toMatchObject({ region: 'eu', [ReservedKey.error]: 'failed' })
  })

  test('has the deadline, or undefined when there is none', async () => {
    const { client } = await serve((_, { deadline }) => deadline ?? 'none')
    const before = Date.now()
    const deadline = await client.call('method', undefined, { timeoutMs: 5_000 })
    expect(deadline).toBeGreaterThan(before + 4_000)
    expect(deadline).toBeLessThanOrEqual(Date.now() + 5_000)
    expect(await client.call('method', undefined, { timeoutMs: 0 })).toBe('none')
  })

  test("aborts its signal at the deadline with Go's message", async () => {
    const reasons = new Gate<unknown>()
    const { peer } = await serve(async (_, { signal }) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      reasons.open(signal.reason)
      signal.throwIfAborted()
    })
    const bare = await peer()
    bare.send(request({ [ReservedKey.timeout]: '20' }))
    expect(await reasons.opened).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect((await bare.message(0)).metadata).toMatchObject({
      [ReservedKey.error]: 'context deadline exceeded',
      [ReservedKey.code]: 'ERR_RPCX_SERVICE',
    })
  })

  test('has an aborted signal when the deadline has already passed', async () => {
    const { peer } = await serve((_, { signal }) => signal.aborted)
    const bare = await peer()
    bare.send(request({ [ReservedKey.timeout]: '-1' }))
    expect((await bare.message(0)).payload.toString()).toBe('true')
  })

  test('aborts its signal when the connection closes', async () => {
    const arrived = new Gate()
    const reasons = new Gate<unknown>()
    const { peer } = await serve((_, { signal }) => {
      signal.addEventListener('abort', () => reasons.open(signal.reason))
      arrived.open()
      return new Promise(() => {})
    })
    const bare = await peer()
    bare.send(request())
    await arrived.opened
    bare.socket.resetAndDestroy()
    const reason = (await reasons.opened) as Error
    expect(reason).toMatchObject({ code: 'ERR_RPCX_CLOSED', cause: { code: 'ECONNRESET' } })
  })

  test('has an aborted signal when the method first reads it after the connection closed', async () => {
    const arrived = new Gate()
    const gone = new Gate()
    const seen = new Gate<boolean>()
    const { server, peer } = await serve(async (_, context) => {
      arrived.open()
      await gone.opened
      seen.open(context.signal.aborted)
    })
    const bare = await peer()
    bare.send(request())
    await arrived.opened
    const closed = happening(server, 'connectionClosed')
    bare.close()
    await closed
    gone.open()
    expect(await seen.opened).toBe(true)
  })

  test('does not abort its signal when the call ends well', async () => {
    let signal: AbortSignal | undefined
    const { server, peer } = await serve((_, context) => {
      signal = context.signal
      return 1
    })
    const bare = await peer()
    bare.send(request({ [ReservedKey.timeout]: '60000' }))
    await bare.message(0)
    const closed = happening(server, 'connectionClosed')
    bare.close()
    await closed
    expect(signal?.aborted).toBe(false)
  })

  test('has the address of the caller', async () => {
    const { peer } = await serve((_, context) => [context.remoteAddress, context.connection.remoteAddress])
    const bare = await peer()
    bare.send(request())
    const address = `tcp@127.0.0.1:${bare.socket.localPort}`
    expect((await bare.message(0)).payload.toString()).toBe(JSON.stringify([address, address]))
  })

  test.each(['tcp', 'memu'])('can close the connection over %s', async network => {
    const host = network === 'tcp' ? '127.0.0.1:0' : 'context-close'
    const method = (_: unknown, { connection }: CallContext): void => connection.close()
    const server = await serving({ Service: { method } }, {}, [network, host])
    const closed = happening(server, 'connectionClosed')
    const call = clientOf<Service>('Service', [server]).call('method')
    expect(await failure(call)).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    expect((await closed).remoteAddress).toMatch(network)
  })
})
