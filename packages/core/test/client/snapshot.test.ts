import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'

interface Any {
  method(args?: unknown): unknown
}

describe('a snapshot', () => {
  test('shows the state of each server, its calls, its latency and its last error', async () => {
    const gate = new Gate()
    const busy = await serving({ Any: { method: (args: unknown) => (args === 'wait' ? gate.opened : 1) } })
    const gone = await BareServer.listen()
    await gone.close()
    const idle = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [busy, gone, idle], { selectMode: { pick: own } })
    function own(
      servers: readonly { readonly endpoint: { readonly address: string } }[],
      { args }: { readonly args: unknown },
    ): never {
      const address = args === 'gone' ? gone.address : busy.address
      return servers.find(({ endpoint }) => endpoint.address === address) as never
    }
    await client.call('method')
    await failure(client.call('method', 'gone'))
    const waiting = client.call('method', 'wait')
    const { service, endpoints, waiting: calls } = client.snapshot()
    expect({ service, calls }).toEqual({ service: 'Any', calls: 0 })
    const of = (address: string | undefined) => endpoints.find(endpoint => endpoint.address === address)
    expect(of(busy.address)).toMatchObject({
      state: 'open',
      inFlight: 1,
      replies: 1,
      lateReplies: 0,
      isHeld: false,
    })
    expect(of(busy.address)?.latencyMs).toBeGreaterThan(0)
    expect(of(gone.address)).toMatchObject({
      state: 'out',
      inFlight: 0,
      lastError: { code: 'ERR_RPCX_UNAVAILABLE' },
    })
    expect(of(idle.address)).toMatchObject({ state: 'idle', latencyMs: undefined, lastError: undefined })
    gate.open()
    await waiting
  })
  test('shows no latency that was measured long ago', async () => {
    const server = await serving({ Any: { method: () => 1 } })
    const client = clientOf<Any>('Any', [server])
    await client.call('method')
    vi.useFakeTimers({ toFake: ['performance'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    // The clock now counts from 0, so that the call was in the future.
    const latency = (): number | undefined => client.snapshot().endpoints[0]?.latencyMs
    expect(latency()).toBeGreaterThan(0)
    vi.advanceTimersByTime(10_000_000)
    expect(latency()).toBeUndefined()
  })
})
