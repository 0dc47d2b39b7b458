import { ACL, Id, Permission } from 'node-zookeeper-client'

/**
 * Parses the option `acl`. Each part is written as in `zkCli`: `scheme:id:permissions`.
 * @throws TypeError that names the option and its value
 */
export function parseAcl(option: string | readonly string[]): ACL[] {
  const parts = typeof option === 'string' ? [option] : option
  const parsed = Array.isArray(parts) ? parts.map(parse) : []
  if (parsed.length === 0 || parsed.includes(undefined)) {
    throw new TypeError(
      `zookeeper: acl is ${JSON.stringify(option)}, not scheme:id:permissions, with permissions out of cdrwa`,
    )
  }
  return parsed as ACL[]
}

function parse(text: string): ACL | undefined {
  const [, scheme, id, letters] = /^([^:]+):(.*):([cdrwa]+)$/.exec(text) ?? []
  if (scheme === undefined || id === undefined || letters === undefined) return undefined
  const bits = [...new Set(letters)].reduce((sum, letter) => sum + (BITS[letter] ?? 0), 0)
  return new ACL(bits, new Id(scheme, id))
}

const BITS: Readonly<Record<string, number>> = {
  c: Permission.CREATE,
  d: Permission.DELETE,
  r: Permission.READ,
  w: Permission.WRITE,
  a: Permission.ADMIN,
}
