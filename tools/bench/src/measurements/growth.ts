import { Child } from '../child.ts'
import type { Row } from '../row.ts'

/** Shows that calls leave nothing behind: measures the heap of a process that is client and server, after a garbage collection. */
export async function* growth(): AsyncGenerator<Row> {
  const caller = new Child('caller.js', [], ['--expose-gc'])
  try {
    await caller.answer()
    const first = Number(await caller.ask({ calls: 1_000_000 }))
    const last = Number(await caller.ask({ calls: 9_000_000 }))
    yield {
      work: 'heap after many calls',
      unit: 'KiB',
      figures: { '1 million calls': [first], '10 million calls': [last] },
      targets: [{ of: '10 million calls', to: '1 million calls', atMost: 1.05 }],
    }
  } finally {
    await caller[Symbol.asyncDispose]()
  }
}
