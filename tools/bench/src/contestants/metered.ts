import { Meters } from '../../../../packages/core/src/server/meters.ts'
import { Server } from '../../../../packages/core/src/server/server.ts'
import type { Contestant } from './contestant.ts'
import { rpcx } from './rpcx.ts'

/** rpcx, from its sources. */
export const metered: Contestant = {
  async serve() {
    const server = new Server()
    server.registerName('Bench', { Echo: (payload: Uint8Array): Uint8Array => payload })
    await server.serve('tcp', '127.0.0.1:0')
    return server.address ?? ''
  },
  connect: rpcx.connect,
}

/** The same, but the server counts and times no calls. */
export const unmetered: Contestant = {
  serve(task) {
    Meters.prototype.answered = () => {}
    return metered.serve(task)
  },
  connect: rpcx.connect,
}
