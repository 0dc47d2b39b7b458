import { once } from 'node:events'
import type { Driver, RegistrySession } from '@rpcx/core'
import { RegistryDiscovery } from '@rpcx/core'
import { expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure } from '../helpers.ts'

interface Any {
  method(args?: unknown): unknown
}

test('an ejected server is reported to the session of the registry, which may check it', async () => {
  const gone = await BareServer.listen()
  const { address } = gone
  await gone.close()
  const hints: string[] = []
  const session: Pick<RegistrySession, 'ttlMs' | 'ended' | 'watchService' | 'verify' | 'close'> = {
    ttlMs: 0,
    ended: new Promise(() => {}),
    async watchService(_service, into, signal) {
      into.replace([[address, '']])
      await once(signal, 'abort')
    },
    verify: (service, server) => hints.push(`${service} ${server}`),
    close: async () => {},
  }
  const driver: Driver = {
    name: 'test',
    traits: { crash: 'never', edits: false, publishes: 'listening' },
    check: () => {},
    open: async () => session as RegistrySession,
  }
  const client = clientOf<Any>('Any', closing(new RegistryDiscovery(driver)))
  await failure(client.call('method'))
  expect(hints).toEqual([`Any ${address}`])
})
