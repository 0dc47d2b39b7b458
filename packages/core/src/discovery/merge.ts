import type { Replica } from './driver.ts'

/**
 * Merges `count` lists of one service into one. An earlier list takes precedence over later ones. `into` gets nothing until each list was
 * replaced once. When `replace` gets a `Map`, it keeps and changes that map.
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
      // Does not copy a map, because copying a large list takes long.
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
