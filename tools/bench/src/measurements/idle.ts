import { Child } from '../child.ts'
import type { ContestantName } from '../contestants/index.ts'
import type { Row } from '../row.ts'

/** Measures the memory of an idle connection on the server. */
export async function* idle(rounds: number): AsyncGenerator<Row> {
  const figures: Record<'rpcx' | 'tcp', number[]> = { rpcx: [], tcp: [] }
  for (let round = 0; round < rounds; round++) {
    for (const name of ['rpcx', 'tcp'] as const) figures[name].push(await bytesEach(name))
  }
  yield {
    work: `${CONNECTIONS.toLocaleString('en')} idle connections`,
    unit: 'server bytes per connection',
    figures,
    targets: [{ of: 'rpcx', to: 'tcp', atMost: 1.5 }],
  }
}

const CONNECTIONS = 5_000

async function bytesEach(contestant: ContestantName): Promise<number> {
  // A small semi-space, because the memory that V8 reserves for new objects does not belong to connections.
  const flags = ['--expose-gc', '--max-semi-space-size=1']
  const server = new Child('server.js', [contestant, '{"exchange":"bytes"}'], flags)
  try {
    const address = String(await server.answer()).replace('tcp@', '')
    const before = Number(await server.ask('memory'))
    const clients = new Child('idle-clients.js', [address, String(CONNECTIONS)])
    try {
      await clients.answer()
      return (Number(await server.ask('memory')) - before) / CONNECTIONS
    } finally {
      await clients[Symbol.asyncDispose]()
    }
  } finally {
    await server[Symbol.asyncDispose]()
  }
}
