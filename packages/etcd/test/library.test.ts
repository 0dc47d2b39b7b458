import { Etcd3 } from 'etcd3'
import { expect, test } from 'vitest'

// `src/library.ts` uses them, and says what they are for. Read it when this fails after an update of the library.
test('The library has the private members that this package uses', () => {
  const client = new Etcd3({ hosts: '127.0.0.1:1', auth: { username: 'ann', password: '' } })
  const { pool } = client as unknown as { readonly pool: Record<string, Record<string, unknown>> }
  expect(pool.authenticator).toMatchObject({
    awaitingMetadata: null,
    getCredentialsFromHost: expect.any(Function),
    invalidateMetadata: expect.any(Function),
  })
  expect(pool.hosts).toMatchObject([{ getServiceClient: expect.any(Function) }])
  client.close()
})
