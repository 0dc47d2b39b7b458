import { createClient } from 'node-zookeeper-client'
import { expect, test } from 'vitest'

// `src/library.ts` uses them, and says what they are for. Read it when this fails after an update of the library.
test('The library has the private members that this package uses', () => {
  const client = createClient('127.0.0.1:1/chroot')
  expect(client).toMatchObject({
    connectionManager: {
      on: expect.any(Function),
      connect: expect.any(Function),
      queue: expect.any(Function),
      setState: expect.any(Function),
      onSocketConnected: expect.any(Function),
      onSocketData: expect.any(Function),
      onSocketDrain: expect.any(Function),
      onSocketClosed: expect.any(Function),
      packetQueue: { queue: [] },
      pendingQueue: [],
      chrootPath: '/chroot',
      state: 0,
      zxid: Buffer.alloc(8),
      watcherManager: {
        emit: expect.any(Function),
        isEmpty: expect.any(Function),
        registerDataWatcher: expect.any(Function),
        registerChildWatcher: expect.any(Function),
        registerExistenceWatcher: expect.any(Function),
      },
    },
  })
  expect(client.transaction().remove('/a', 7)).toMatchObject({ ops: [{ version: 7 }] })
})
