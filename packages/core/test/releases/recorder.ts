import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'
import { version } from '../../src/version.ts'
import type { Recorded } from './scenarios.ts'
import { offer, scenarios } from './scenarios.ts'

/** The frames that client and server of a release exchanged. */
export interface Recording {
  readonly version: string
  readonly scenarios: Readonly<Record<string, RecordedScenario>>
}

export interface RecordedScenario {
  readonly exchange: readonly Said[]
  readonly outcome: unknown
}

/** A frame, or an action at the server, in order. */
export type Said =
  | { readonly from: 'client' | 'server'; readonly hex: string }
  | { readonly server: 'drain' | 'finish' }

/** Runs every scenario with client and server of this release. */
export async function recordRelease(): Promise<Recording> {
  const recorded: Record<string, RecordedScenario> = {}
  for (const name of Object.keys(scenarios)) recorded[name] = await record(name)
  return { version, scenarios: recorded }
}

async function record(name: string): Promise<RecordedScenario> {
  const scenario = scenarios[name]
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  const exchange: Said[] = []
  await using server = new Server({ noticeMs: 0, lingerMs: 50 })
  const finish = offer(server)
  await server.serve('tcp', '127.0.0.1:0')
  const port = Number(server.address?.split(':').at(-1))
  const proxy = createServer(client => {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
    for (const [from, socket, other] of [
      ['client', client, upstream],
      ['server', upstream, client],
    ] as const) {
      const frames = new Frames(hex => exchange.push({ from, hex }))
      socket.on('data', bytes => frames.push(bytes))
      socket.pipe(other)
      socket.on('error', () => other.destroy())
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port: through } = proxy.address() as { port: number }
  await using discovery = new Peer2PeerDiscovery(`tcp@127.0.0.1:${through}`)
  try {
    await using client = new XClient<Recorded>('Recorded', discovery, {
      failMode: 'failfast',
      ...scenario.options,
    })
    const outcome = await scenario.run(client, {
      drain() {
        exchange.push({ server: 'drain' })
        void server.close()
      },
      finish() {
        exchange.push({ server: 'finish' })
        finish()
      },
    })
    return { exchange: [...exchange], outcome }
  } finally {
    proxy.close()
  }
}

/** Cuts bytes into frames: 16 bytes of header, of which the last four say how many follow. */
class Frames {
  readonly #heard: (hex: string) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(heard: (hex: string) => void) {
    this.#heard = heard
  }

  push(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= 16 && this.#rest.length >= 16 + this.#rest.readUInt32BE(12)) {
      const length = 16 + this.#rest.readUInt32BE(12)
      this.#heard(this.#rest.toString('hex', 0, length))
      this.#rest = this.#rest.subarray(length)
    }
  }
}
