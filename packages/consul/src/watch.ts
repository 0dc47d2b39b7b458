import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Answer, Question } from './agent.ts'
import type { ConsulConnection } from './connection.ts'
import { PollInterval } from './poll-interval.ts'
import { slots } from './query-slots.ts'

/**
 * Reports the current items, then the items after each change, by blocking queries. Resolves when `signal` aborts; rejects at the first
 * failure. The library's own watch is not used: it does not pause between successful responses. An agent that does not block would get
 * thousands of requests a second.
 * @param intervalMs the minimum interval between reports in the long run
 */
export async function watchAnswers<T>(
  connection: ConsulConnection,
  question: Question<T>,
  saw: (answer: Answer<T>) => void | Promise<void>,
  signal: AbortSignal,
  intervalMs: number = INTERVAL_MS,
): Promise<void> {
  const leave = slots.join()
  const pace = new PollInterval(connection.clock, intervalMs)
  let index = 0n
  // Consul continues a query after its client has gone. A new watch therefore starts with short queries, so that a brief one leaves little
  // behind.
  let patienceMs = 250
  try {
    while (!signal.aborted) {
      await pace.wait(signal)
      const after = index
      const read = (waitMs: number) =>
        connection.read(question, signal, after, Math.min(waitMs, patienceMs * slots.stretch))
      const answer = await (after === 0n ? read(0) : slots.take(read))
      pace.answered(answer.items.length)
      // Reading a long response has taken a while, and processing it takes as long again, so other work gets a turn.
      if (answer.items.length > MANY) await nextTurn()
      if (after === 0n || answer.index !== after) await saw(answer)
      else patienceMs *= 2
      // The index decreases after Consul forgets deletions or is restored. The old index is then useless, so the next query does not block.
      index = answer.index < after ? 0n : answer.index
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    leave()
  }
}

const INTERVAL_MS = 250
/** The number of items from which processing gets its own turn of the event loop. */
const MANY = 500
