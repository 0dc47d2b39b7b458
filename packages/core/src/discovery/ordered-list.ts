import type { Endpoint, Endpoints } from './discovery.ts'

/** Endpoints in address order. A change does not sort the whole list again. */
export class OrderedList {
  #list: Endpoints = Object.freeze([])
  /** The changes since the list was built; `undefined` for removed addresses. */
  readonly #changes = new Map<string, Endpoint | undefined>()

  put(endpoint: Endpoint): void {
    this.#changes.set(endpoint.address, endpoint)
  }

  remove(address: string): void {
    this.#changes.set(address, undefined)
  }

  /** Returns the current endpoints, frozen. */
  current(): Endpoints {
    if (this.#changes.size === 0) return this.#list
    const changes = [...this.#changes].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#changes.clear()
    this.#list = Object.freeze(merged(this.#list, changes))
    return this.#list
  }
}

/** @param changes in address order */
function merged(
  list: Endpoints,
  changes: readonly (readonly [address: string, endpoint: Endpoint | undefined])[],
): Endpoint[] {
  const result: Endpoint[] = []
  let from = 0
  for (const [address, endpoint] of changes) {
    const at = placeOf(address, list, from)
    for (; from < at; from++) result.push(list[from] as Endpoint)
    if (list[from]?.address === address) from++
    if (endpoint !== undefined) result.push(endpoint)
  }
  for (; from < list.length; from++) result.push(list[from] as Endpoint)
  return result
}

/** Returns the index of the first endpoint that does not come before `address`. */
function placeOf(address: string, list: Endpoints, from: number): number {
  let [low, high] = [from, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] as Endpoint).address < address) low = middle + 1
    else high = middle
  }
  return low
}
