import { Flag } from '../src/wire/header.ts'
import type { Message } from '../src/wire/message.ts'
import type { BarePeer } from './bare-peer.ts'
import { BareServer } from './bare-peer.ts'
import { closing } from './helpers.ts'

export interface BeatingServer extends BareServer {
  /** The requests that came. */
  readonly requests: { readonly message: Message; readonly peer: BarePeer }[]
}

/** A server that answers heartbeats. The test controls its replies to requests. */
export async function beatingServer(
  answer: (message: Message, peer: BarePeer, index: number) => void,
): Promise<BeatingServer> {
  const server: BeatingServer = Object.assign(
    await BareServer.listen({
      onMessage(message, peer) {
        if (message.isHeartbeat) peer.reply(message, { flags: Flag.heartbeat })
        else answer(message, peer, server.requests.push({ message, peer }) - 1)
      },
    }),
    { requests: [] },
  )
  return closing(server)
}
