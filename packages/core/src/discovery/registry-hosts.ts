/** Where one server of a registry listens. */
export interface RegistryHost {
  /** `host:port`, as given. */
  readonly text: string
  /** A name or an IP address, without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
}

/**
 * Parses an option that names one or more servers of a registry: `127.0.0.1:2181`, `[::1]:2181`.
 * @throws TypeError that names the registry, the option and its value
 */
export function parseRegistryHosts(
  registry: string,
  option: string,
  value: string | readonly string[],
): readonly RegistryHost[] {
  const given = typeof value === 'string' ? [value] : [...(value ?? [])]
  const hosts = given.map(parse).filter(host => host !== undefined)
  if (given.length === 0 || hosts.length < given.length) {
    // A password in a URL must not appear in a log.
    const shown = JSON.stringify(value)?.replace(/\/\/[^/"]*@/g, '//[credentials]@')
    throw new TypeError(`${registry}: ${option} is ${shown}, not one or more host:port`)
  }
  return hosts
}

function parse(text: string): RegistryHost | undefined {
  const [, ipv6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:/,]+)):(\d{1,5})$/.exec(text) ?? []
  const host = ipv6 ?? name
  const port = Number(digits)
  return host !== undefined && port >= 1 && port <= 65_535 ? { text, host, port } : undefined
}
