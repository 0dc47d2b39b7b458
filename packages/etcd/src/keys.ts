/** Where entries lie in etcd, as Go's rpcx puts them: `<base>/<service>/<address>`, with a key for each directory. */
export class Keys {
  /** As given, without slashes at its end or twice in a row. */
  readonly base: string
  readonly #bases: readonly string[]

  /** @throws TypeError when the base path is empty */
  constructor(basePath: string) {
    if (typeof basePath !== 'string') throw new TypeError(`etcd: basePath is ${typeof basePath}, not a text`)
    const base = basePath.replace(/\/+/g, '/').replace(/\/$/, '')
    if (base === '') throw new TypeError(`etcd: basePath is ${JSON.stringify(basePath)}, which is empty`)
    this.base = base
    // Go keeps a leading slash as given, so one fleet may be written in two spellings.
    this.#bases = [base, base.startsWith('/') ? base.slice(1) : `/${base}`]
  }

  directory(service: string): string {
    return `${this.base}/${service}`
  }

  leaf(service: string, address: string): string {
    return `${this.base}/${service}/${address}`
  }

  /** What the keys of a service's servers begin with: our spelling, which wins, then the other. */
  prefixes(service: string): readonly string[] {
    return this.#bases.map(base => `${base}/${service}/`)
  }
}
