import type { BlockList } from 'node:net'
import { lazy } from '../lazy.ts'

/** The hosts that may connect, as `allow` and `deny` say. */
export class AddressList {
  readonly #allowed: BlockList | undefined
  readonly #denied: BlockList | undefined

  /** @throws TypeError that names the option and the entry that is neither an IP address nor a subnet */
  constructor({ allow, deny }: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }) {
    this.#allowed = allow && listOf('allow', allow)
    this.#denied = deny && listOf('deny', deny)
  }

  /** @param remoteAddress `tcp@10.0.0.7:53412` */
  allows(remoteAddress: string): boolean {
    if (this.#allowed === undefined && this.#denied === undefined) return true
    const ip = hostOf(remoteAddress)
    const version = lazy.net.isIP(ip)
    // A connection that is closed already has no address.
    if (version === 0) return false
    const family = version === 6 ? 'ipv6' : 'ipv4'
    if (this.#denied?.check(ip, family) === true) return false
    return this.#allowed?.check(ip, family) ?? true
  }
}

/** Returns the IP address in `tcp@10.0.0.7:53412`, without an IPv6 zone. Without a port, returns all that follows the `@`. */
export function hostOf(remoteAddress: string): string {
  const host = remoteAddress.slice(remoteAddress.indexOf('@') + 1)
  return /^\[?([^\]%]+)[^\]]*\]?:\d+$/.exec(host)?.[1] ?? host
}

function listOf(option: string, entries: readonly string[]): BlockList {
  const list = new lazy.net.BlockList()
  for (const entry of entries) {
    const [ip = '', bits, ...more] = entry.split('/')
    const version = lazy.net.isIP(ip)
    const isSubnet =
      bits !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
    if (version === 0 || more.length > 0 || (bits !== undefined && !isSubnet)) {
      throw new TypeError(`Server: ${option} has ${JSON.stringify(entry)}, not an IP address or a subnet`)
    }
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(ip, family)
    else list.addSubnet(ip, Number(bits), family)
  }
  return list
}
