/** How the root of a tree is spelled: as the base path was given, with a leading slash, or without one. */
export type Root = 'as given' | 'slash' | 'bare'

/** Where Go's rpcx puts what it registers in a tree: `<base>/<service>/<address>`, with a value for each directory. */
export class Layout {
  /** Without slashes at its end or twice in a row. */
  readonly base: string
  readonly #otherSpelling: string

  /**
   * @param registry whose option this is, for errors
   * @throws TypeError when the base path is empty
   */
  constructor(registry: string, basePath: string, root: Root = 'as given') {
    if (typeof basePath !== 'string') {
      throw new TypeError(`${registry}: basePath is ${typeof basePath}, not a string`)
    }
    const bare = basePath.split('/').filter(Boolean).join('/')
    if (bare === '') {
      throw new TypeError(`${registry}: basePath is ${JSON.stringify(basePath)}, which is empty`)
    }
    const hasSlash = root === 'slash' || (root === 'as given' && basePath.startsWith('/'))
    this.base = hasSlash ? `/${bare}` : bare
    this.#otherSpelling = hasSlash ? bare : `/${bare}`
  }

  directory(service: string): string {
    return `${this.base}/${service}`
  }

  leaf(service: string, address: string): string {
    return `${this.base}/${service}/${address}`
  }

  /** What must be there beside a service's entries, from the root on, each with its value. It outlives every server. */
  directories(service: string): readonly (readonly [path: string, value: string])[] {
    return [
      [this.base, 'rpcx_path'],
      [this.directory(service), service],
    ]
  }

  /** What the paths of a service's entries begin with: in our spelling, which wins, then with or without a leading slash. */
  prefixes(service: string): readonly [ours: string, other: string] {
    return [`${this.base}/${service}/`, `${this.#otherSpelling}/${service}/`]
  }
}
