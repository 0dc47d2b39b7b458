import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { withstand } from './hostile.ts'
import { goText } from './neighbour.ts'
import { recorded } from './recorded.ts'

test('20 000 mutated packets change nothing', () => withstand(20_000), 60_000)

test('a packet that is cut short, or too long, is ignored as a whole', async () => {
  await using harness = new Harness()
  const view = harness.view('Arith')
  await view.shows({})
  const neighbour = await harness.neighbour()
  const good = recorded.writtenByHand.find(({ name }) => name === 'all-in-answer')?.packets[0] ?? ''
  const bytes = Buffer.from(good, 'hex')
  for (let end = 1; end < bytes.length; end++) {
    await neighbour.send(bytes.subarray(0, end))
    await nextTurn()
  }
  await neighbour.send(Buffer.concat([bytes, Buffer.from('00')]))
  neighbour.say([goText('last', 'Arith', 'tcp@10.0.0.1:1', '')])
  await view.shows({ 'tcp@10.0.0.1:1': '' })
  expect(view.all).toEqual([{}, { 'tcp@10.0.0.1:1': '' }])
})

test('a flood of announcements does not fill the memory of this process', async () => {
  await using harness = new Harness()
  const view = harness.view('Arith')
  await view.shows({})
  const neighbour = await harness.neighbour()
  for (let n = 0; n < 4_050; n += 50) {
    neighbour.say(
      Array.from({ length: 50 }, (_, i) => goText(`i${n + i}`, 'Arith', `tcp@10.0.0.1:${n + i + 1}`, '')),
    )
    await view.until(list => Object.keys(list).length >= Math.min(n + 50, 4_000))
  }
  expect(Object.keys(view.last ?? {})).toHaveLength(4_000)
}, 60_000)
