import { expect, test } from 'vitest'
import { Harness } from './harness.ts'

test('a process exits after its server closes, and sends its goodbye first', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  const program = harness.program('server', { services: ['Arith', 'Echo'] })
  await program.events.until(({ event }) => event === 'published')
  program.say('close')
  await program.events.until(({ event }) => event === 'closed')
  const since = performance.now()
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(performance.now() - since).toBeLessThan(2_000)
  const gone = neighbour.received.all.flatMap(({ answers = [] }) =>
    answers.flatMap(answer => (answer.type === 'TXT' && answer.ttl === 0 ? [answer.name] : [])),
  )
  expect(new Set(gone.filter(name => /-(Arith|Echo)\._rpcxservices\.local$/.test(name)))).toHaveProperty(
    'size',
    2,
  )
})

test('a process exits after its discovery closes', async () => {
  await using harness = new Harness()
  const program = harness.program('client', { services: ['Arith'] })
  await program.events.until(({ event }) => event === 'list')
  program.say('close')
  expect(await program.exit).toEqual({ code: 0, signal: null })
})
