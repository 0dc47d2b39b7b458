import type { Replica } from './driver.ts'

/**
 * Several lists of one service as one: what an earlier list has wins over the later ones. `into` hears nothing until each of
 * them was told once. A `Map` that one is told of becomes its own.
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
      // A map that was made for us need not be made again: of a large list, that takes long.
      lists[i] = all instanceof Map ? all : new Map(all)
      if (isComplete()) into.replace(united(lists))
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

function united(lists: readonly (ReadonlyMap<string, string> | undefined)[]): ReadonlyMap<string, string> {
  const [first = new Map<string, string>(), ...rest] = lists.filter(
    list => list !== undefined && list.size > 0,
  )
  if (rest.length === 0) return first
  const all = new Map(first)
  for (const list of rest) {
    for (const [address, metadata] of list ?? []) if (!all.has(address)) all.set(address, metadata)
  }
  return all
}
