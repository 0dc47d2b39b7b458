import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import type { Program } from '../program.ts'

/**
 * A large list changes all the time. A client sees each change within two seconds, and its event loop is never blocked for long.
 * @param program runs `followLarge`
 */
export async function staysUsable(
  program: Program,
  { servers, changes, seconds, change }: Large,
): Promise<void> {
  const { what: listed } = await program.events.until(({ event }) => event === 'listed')
  expect(listed.servers).toBe(servers)
  console.info(
    `${servers} servers are listed after ${rounded(listed.afterMs)} ms; the longest that the loop was blocked, the library's part included: ${rounded(listed.blockedMs)} ms`,
  )
  const since = performance.now()
  const batches = seconds * 10
  for (let i = 0; i < batches; i++) {
    await sleep(since + i * 100 - performance.now())
    // The first server changes in each batch, and its metadata have the time.
    const others = Array.from(
      { length: changes / 10 - 1 },
      (_, n) => 1 + ((i * (changes / 10) + n) % (servers - 1)),
    )
    await change([0, ...others], `at=${Date.now()}`)
  }
  const perSecond = (changes * seconds * 1_000) / (performance.now() - since)
  await sleep(2_000)
  program.say('measure')
  const { what } = await program.events.until(({ event }) => event === 'measured')
  expect(what.servers).toBe(servers)
  expect(what.fresh).toBe(Math.min(servers, 1 + batches * (changes / 10 - 1)))
  console.info(`${rounded(perSecond)} changes a second came as ${what.lists} lists`)
  atMost(2_000, 'the latest change was seen after', what.latestMs as number)
  atMost(50, 'the longest that the loop was blocked in a second meanwhile (median)', what.blockedMs as number)
}

export interface Large {
  readonly servers: number
  /** A second. */
  readonly changes: number
  readonly seconds: number
  /** Writes these metadata for the servers with these numbers. */
  change(numbers: readonly number[], metadata: string): Promise<unknown>
}

/** Returns the address of the server with this number, in the order of addresses. */
export function numbered(n: number): string {
  return `tcp@10.${100 + (n >> 16)}.${100 + ((n >> 8) & 255)}.${100 + (n & 255)}:1`
}

function rounded(figure: unknown): string {
  return Math.round(figure as number).toString()
}
