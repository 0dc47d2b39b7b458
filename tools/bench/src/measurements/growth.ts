import { Child } from '../child.ts'
import type { Row } from '../row.ts'

/** Whether calls leave anything behind: the heap of a process that is client and server, once it is swept. */
export async function* growth(): AsyncGenerator<Row> {
  const caller = new Child('caller.js', [], ['--expose-gc'])
  try {
    await caller.answer()
    const first = Number(await caller.ask({ calls: 1_000_000 }))
    const last = Number(await caller.ask({ calls: 9_000_000 }))
    yield {
      work: 'heap after many calls',
      unit: 'KiB',
      figures: { '1 million': [first], '10 million': [last] },
      targets: [{ of: '10 million', to: '1 million', atMost: 1.05 }],
    }
  } finally {
    await caller[Symbol.asyncDispose]()
  }
}
