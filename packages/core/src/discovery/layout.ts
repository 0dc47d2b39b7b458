/** How a base path begins: as given, with a leading slash, or without one. */
export type Root = 'as given' | 'slash' | 'bare'

/** The paths at which Go's rpcx registers servers: `<base>/<service>/<address>`. Each directory has a value. */
export class Layout {
  /** The base path, without a slash at its end and without double slashes. */
  readonly base: string
  readonly #otherSpelling: string

  /**
   * @param registry the registry that has this option, for errors
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

  /** Returns the directories above the entries of a service, from the root on, each with its value. They outlive every server. */
  directories(service: string): readonly (readonly [path: string, value: string])[] {
    return [
      [this.base, 'rpcx_path'],
      [this.directory(service), service],
    ]
  }

  /**
   * Returns the beginnings of the paths of a service's entries: in our spelling, which takes precedence, and with the leading slash added
   * or removed.
   */
  prefixes(service: string): readonly [ours: string, other: string] {
    return [`${this.base}/${service}/`, `${this.#otherSpelling}/${service}/`]
  }
}
