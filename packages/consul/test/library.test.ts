import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Consul from 'consul'
import { expect, test } from 'vitest'

// `src/library.ts` uses them, and says what they are for. Read it when this fails after an update of the library.
test('The library has the private members that this package uses', async () => {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end('"a leader"'),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const consul = new Consul({ host: '127.0.0.1', port })
  const seen: [at: string, request: object][] = []
  for (const at of ['onCreate', 'onRequest', 'onResponse']) {
    const library = consul as unknown as Record<'_ext', (at: string, run: Extension) => void>
    library._ext(at, (request, next) => {
      seen.push([at, { ...request }])
      next()
    })
  }
  await consul.status.leader()
  server.close()
  expect(seen).toMatchObject([
    ['onCreate', { opts: {}, _stack: expect.arrayContaining([expect.any(Function)]) }],
    ['onRequest', { transport: { request: expect.any(Function) } }],
    ['onResponse', { res: { statusCode: 200, body: 'a leader' } }],
  ])
})

type Extension = (request: object, next: () => void) => void
