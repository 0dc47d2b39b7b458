import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Answer, Question } from './agent.ts'
import type { ConsulConnection } from './connection.ts'
import { PollInterval } from './poll-interval.ts'
import { slots } from './query-slots.ts'

/**
 * Tells what is there, then again after each change, by blocking queries. The library's own watch is not used: without a pause
 * between good answers, it asks an agent that does not wait thousands of times a second. Ends with `signal`; rejects at any
 * sign of trouble.
 * @param intervalMs how often changes are told in the long run
 */
export async function watchAnswers<T>(
  link: ConsulConnection,
  question: Question<T>,
  saw: (answer: Answer<T>) => void | Promise<void>,
  signal: AbortSignal,
  intervalMs: number = INTERVAL_MS,
): Promise<void> {
  const leave = slots.join()
  const pace = new PollInterval(link.clock, intervalMs)
  let index = 0n
  // Consul goes on with a query that nobody waits for any more: those who stay for a while only leave short ones behind.
  let patienceMs = 250
  try {
    while (!signal.aborted) {
      await pace.wait(signal)
      const after = index
      const read = (waitMs: number) =>
        link.read(question, signal, after, Math.min(waitMs, patienceMs * slots.stretch))
      const answer = await (after === 0n ? read(0) : slots.take(read))
      pace.answered(answer.items.length)
      // Reading a long answer has taken its time; what is made of it takes as long again.
      if (answer.items.length > MANY) await nextTurn()
      if (after === 0n || answer.index !== after) await saw(answer)
      else patienceMs *= 2
      // It goes back when Consul forgets what was deleted, or was restored; then it says nothing about what comes next.
      index = answer.index < after ? 0n : answer.index
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    leave()
  }
}

const INTERVAL_MS = 250
/** Items that are worth a turn of the event loop of their own. */
const MANY = 500
