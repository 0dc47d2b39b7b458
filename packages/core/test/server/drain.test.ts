import type { Health, ServerHooks } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, portOf, serving } from '../helpers.ts'
import { isPosix } from '../platform.ts'
import { Program } from '../program.ts'

const who = { who: () => 'me' }

interface HealthService {
  Check(): { status: Health }
}

function plugin(hooks: ServerHooks): { attach(): ServerHooks } {
  return { attach: () => hooks }
}

describe('close()', () => {
  test('keeps serving until clients have had time to see the withdrawal', async () => {
    const withdrawn = new Gate()
    const server = await serving({ Who: who }, { noticeMs: 200 })
    server.plugins.add(plugin({ closing: () => withdrawn.opened }))
    const client = clientOf<typeof who>('Who', [server])
    const peer = closing(await BarePeer.connect(portOf(server)))
    const closed = server.close()
    expect(await client.call('who')).toBe('me')
    withdrawn.open()
    const startedAt = performance.now()
    for (let seq = 0; ; seq++) {
      peer.send(frame({ seq, service: 'Who', method: 'who', payload: 'null' }))
      const reply = await peer.message(seq)
      if (!reply.isError) continue
      expect(reply.metadataValue(ReservedKey.code)).toBe('ERR_RPCX_NOT_EXECUTED')
      break
    }
    const ms = performance.now() - startedAt
    expect(ms).toBeGreaterThanOrEqual(195)
    expect(ms).toBeLessThan(1_000)
    peer.close()
    await closed
  })

  test('accepts a drainMs of its own', async () => {
    const arrived = new Gate()
    const wait = (): Promise<void> => {
      arrived.open()
      return new Promise(() => {})
    }
    const server = await serving({ Slow: { wait } }, { drainMs: 60_000, lingerMs: 0 })
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ service: 'Slow', method: 'wait', payload: 'null' }))
    await arrived.opened
    await server.close({ drainMs: 20 })
    await peer.closed()
  })

  test('rejects a drainMs that is not a duration, and the server stays open', async () => {
    const server = await serving({ Who: who })
    expect(() => server.close({ drainMs: -1 })).toThrow(
      new RangeError('close: drainMs is -1, not a number of milliseconds from 0 to 2147483647'),
    )
    expect(await clientOf<typeof who>('Who', [server]).call('who')).toBe('me')
  })
})

describe('health', () => {
  test('goes from starting over ready and draining to closed', async () => {
    const started = new Gate()
    const server = closing(new Server({ noticeMs: 0 }))
    const seen: Health[] = [server.health]
    server.plugins.add(
      plugin({
        listening: () => {
          seen.push(server.health)
          return started.opened
        },
        closing: async () => void seen.push(server.health),
      }),
    )
    const serve = server.serve('tcp', '127.0.0.1:0')
    started.open()
    await serve
    seen.push(server.health)
    await server.close()
    seen.push(server.health)
    expect(seen).toEqual(['starting', 'starting', 'ready', 'draining', 'closed'])
  })

  test('is reported by the built-in service, also while the server drains', async () => {
    const arrived = new Gate()
    const leave = new Gate()
    const wait = (): Promise<void> => {
      arrived.open()
      return leave.opened
    }
    const server = await serving({ Slow: { wait } })
    const health = clientOf<HealthService>('_health', [server])
    expect(await health.call('Check')).toEqual({ status: 'ready' })
    const call = clientOf<{ wait(): void }>('Slow', [server]).call('wait')
    await arrived.opened
    const closed = server.close()
    expect(await health.call('Check')).toEqual({ status: 'draining' })
    leave.open()
    await Promise.all([call, closed])
  })

  test('is not a service that plugins see', async () => {
    const registered: string[] = []
    const server = await serving({ Who: who })
    server.plugins.add(plugin({ registered: service => void registered.push(service) }))
    expect(registered).toEqual(['Who'])
  })
})

describe('closeOn', () => {
  test.runIf(isPosix).each(['SIGTERM', 'SIGINT'] as const)(
    'drains at %s, and the program exits by itself',
    async signal => {
      const program = closing(new Program('signalled-server', '50'))
      const address = await program.line(0)
      const peer = closing(await BarePeer.connect(portOf({ address })))
      peer.send(frame({ service: 'Slow', method: 'wait', payload: 'null' }))
      expect(await program.line(1)).toBe('waiting')
      program.signal(signal)
      expect(await program.line(2)).toBe('ends closed')
      expect(await program.exit).toEqual({ code: 0, signal: null })
    },
  )

  test.runIf(isPosix)('leaves the second signal to Node, which ends the process at once', async () => {
    const program = closing(new Program('signalled-server', '60000'))
    const address = await program.line(0)
    const peer = closing(await BarePeer.connect(portOf({ address })))
    peer.send(frame({ service: 'Slow', method: 'wait', payload: 'null' }))
    expect(await program.line(1)).toBe('waiting')
    program.signal('SIGTERM')
    for (let seq = 1; ; seq++) {
      peer.send(frame({ seq, service: 'None', method: 'none' }))
      const refused = await peer.message(seq - 1)
      if (refused.metadataValue(ReservedKey.code) === 'ERR_RPCX_NOT_EXECUTED') break
    }
    program.signal('SIGTERM')
    expect(await program.exit).toEqual({ code: null, signal: 'SIGTERM' })
  })

  test('stops listening for signals once the server is closed', async () => {
    const before = process.listenerCount('SIGUSR2')
    const server = new Server({ closeOn: ['SIGUSR2'] })
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1)
    await server.close()
    expect(process.listenerCount('SIGUSR2')).toBe(before)
  })
})
