/** Where entries lie in ZooKeeper, as Go's rpcx puts them: `/<base>/<service>/<address>`. */
export class Paths {
  readonly base: string

  /** @throws TypeError when the base path is empty, or has what no path may have */
  constructor(basePath: string) {
    if (typeof basePath !== 'string')
      throw new TypeError(`zookeeper: basePath is ${typeof basePath}, not a text`)
    const names = basePath.split('/').filter(name => name !== '')
    if (names.length === 0) {
      throw new TypeError(`zookeeper: basePath is ${JSON.stringify(basePath)}, which is empty`)
    }
    for (const name of names) checkName('basePath', name)
    this.base = `/${names.join('/')}`
  }

  directory(service: string): string {
    return `${this.base}/${service}`
  }

  leaf(service: string, address: string): string {
    return `${this.base}/${service}/${address}`
  }

  /** All that must be there before a leaf of this service can be, from the root on, each with its data as Go writes them. */
  directories(service: string): readonly (readonly [path: string, data: string])[] {
    const parents = [...this.base.matchAll(/(?!^)\//g)].map(({ index }) => this.base.slice(0, index))
    return [
      ...parents.map(parent => [parent, ''] as const),
      [this.base, 'rpcx_path'],
      [this.directory(service), service],
    ]
  }
}

/** @throws TypeError when a node cannot have this name */
export function checkName(what: string, name: string): void {
  if (name === '' || name === '.' || name === '..' || REFUSED.test(name)) {
    throw new TypeError(`zookeeper: ${what} is ${JSON.stringify(name)}, which no node can have as its name`)
  }
}

// What ZooKeeper refuses in a name, and what would make a path of it.
const REFUSED = /[/\p{Cc}\u{d800}-\u{f8ff}\u{fff0}-\u{10ffff}]/u
