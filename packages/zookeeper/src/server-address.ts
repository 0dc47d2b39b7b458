/** Where one member of an ensemble listens. */
export interface ServerAddress {
  /** As given. */
  readonly text: string
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
}

/** Reads `host:port`, one or several. @throws TypeError */
export function parseServers(given: string | readonly string[]): readonly ServerAddress[] {
  const servers = typeof given === 'string' ? [given] : [...(given ?? [])]
  const parsed = servers.map(parse)
  if (parsed.length === 0 || parsed.includes(undefined)) {
    throw new TypeError(`zookeeper: zooKeeperServers is ${JSON.stringify(given)}, not one or more host:port`)
  }
  return parsed as readonly ServerAddress[]
}

function parse(text: string): ServerAddress | undefined {
  const [, ipv6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:/,]+)):(\d{1,5})$/.exec(text) ?? []
  const host = ipv6 ?? name
  const port = Number(digits)
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined
  return { text, host, port }
}
