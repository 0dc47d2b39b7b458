import { Child } from '../child.ts'
import type { Row } from '../row.ts'

/**
 * Measures the gain of a second process on the same port. Client and server share two cores, so a second process helps only when
 * methods have something to do: those of the first row take 0.2 ms each.
 */
export async function* cores(rounds: number, ms: number): AsyncGenerator<Row> {
  for (const [work, method, atLeast] of [
    ['methods of 0.2 ms, 64 concurrent calls, node:cluster', 'Work', 1.7],
    ['581 bytes, 64 concurrent calls, node:cluster', 'Echo', 0],
  ] as const) {
    const figures: Record<string, number[]> = { '1 process': [], '2 processes': [] }
    for (let round = 0; round < rounds; round++) {
      for (const [processes, name] of Object.keys(figures).entries())
        figures[name]?.push(await perSecond(processes + 1, method, ms))
    }
    yield {
      work,
      unit: 'calls/s',
      figures,
      targets: atLeast === 0 ? [] : [{ of: '2 processes', to: '1 process', atLeast }],
    }
  }
}

async function perSecond(processes: number, method: string, ms: number): Promise<number> {
  const server = new Child('cluster-server.js', [String(processes)])
  try {
    const client = new Child('cluster-client.js', [String(await server.answer()), method])
    try {
      await client.answer()
      await client.ask({ ms })
      return Number(await client.ask({ ms }))
    } finally {
      await client[Symbol.asyncDispose]()
    }
  } finally {
    await server[Symbol.asyncDispose]()
  }
}
