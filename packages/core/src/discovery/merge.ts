import type { Replica } from './driver.ts'

/**
 * Several lists of one service as one: what an earlier list has wins over the later ones. `into` hears nothing until each of
 * them was told once.
 */
export function merge(into: Replica, count: number): readonly Replica[] {
  const lists: (Map<string, string> | undefined)[] = Array.from({ length: count })
  const isComplete = (): boolean => lists.every(list => list !== undefined)
  const changed = (address: string): void => {
    if (!isComplete()) return
    const first = lists.find(list => list?.has(address))?.get(address)
    if (first === undefined) into.remove(address)
    else into.put(address, first)
  }
  return lists.map((_list, i) => ({
    replace(all) {
      lists[i] = new Map(all)
      // The first list last: what is set last stands.
      if (isComplete()) into.replace(new Map(lists.toReversed().flatMap(list => [...(list ?? [])])))
    },
    put(address, metadata) {
      lists[i]?.set(address, metadata)
      changed(address)
    },
    remove(address) {
      lists[i]?.delete(address)
      changed(address)
    },
    ignore: (address, error) => into.ignore(address, error),
  }))
}
