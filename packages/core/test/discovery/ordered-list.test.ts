import { expect, test } from 'vitest'
import { Random } from '../../../../tools/testing/src/random.ts'
import { byAddress, parseEndpoint } from '../../src/discovery/discovery.ts'
import { OrderedList } from '../../src/discovery/ordered-list.ts'

test('An ordered list always equals the sorted list of its endpoints, whatever changes', () => {
  const random = new Random()
  const list = new OrderedList()
  const all = new Map<string, ReturnType<typeof parseEndpoint>>()
  for (let round = 0; round < 200; round++) {
    for (let changes = random.below(12); changes > 0; changes--) {
      const address = `tcp@10.0.0.${random.below(40)}:1`
      if (random.next() < 0.4) {
        all.delete(address)
        list.remove(address)
      } else {
        const endpoint = parseEndpoint(address, `round=${round}`)
        all.set(address, endpoint)
        list.put(endpoint)
      }
    }
    const current = list.current()
    expect(current, `RPCX_SEED=${random.seed}`).toEqual([...all.values()].sort(byAddress))
    expect(Object.isFrozen(current)).toBe(true)
    expect(list.current()).toBe(current)
  }
})
