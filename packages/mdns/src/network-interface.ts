import { BlockList, isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { networkInterfaces } from 'node:os'

/** A network interface of this machine with its current addresses. */
export class NetworkInterface {
  readonly name: string
  readonly isLoopback: boolean
  readonly ipv4: string | undefined
  /** The IPv6 address; preferably one that is not link-local, because peers can reach it without knowing the interface. */
  readonly ipv6: string | undefined
  /** Changes when the addresses of the interface change. */
  readonly signature: string
  readonly #addresses: readonly NetworkInterfaceInfo[]
  readonly #neighbours = new BlockList()

  constructor(name: string, addresses: readonly NetworkInterfaceInfo[]) {
    this.name = name
    this.isLoopback = addresses.some(({ internal }) => internal)
    this.ipv4 = addresses.find(({ family }) => family === 'IPv4')?.address
    const six = addresses.filter(({ family }) => family === 'IPv6').map(({ address }) => address)
    this.ipv6 = six.find(address => !isLinkLocal(address)) ?? six[0]
    this.#addresses = addresses
    this.signature = signatureOf(addresses)
    for (const { address, cidr, family } of addresses) {
      const bits = Number(cidr?.split('/')[1])
      if (bits > 0) this.#neighbours.addSubnet(address, bits, family === 'IPv4' ? 'ipv4' : 'ipv6')
    }
  }

  /** The address where neighbours reach a server that listens on all addresses. */
  get reachable(): string | undefined {
    return this.ipv4 ?? (this.ipv6 !== undefined && !isLinkLocal(this.ipv6) ? this.ipv6 : undefined)
  }

  /**
   * Returns the state that a link of one family depends on. When that does not change, the link stays open, even if addresses of the other
   * family do.
   */
  basis(of: 'ipv4' | 'ipv6'): string {
    const own = this.#addresses.filter(({ family }) => family.toLowerCase() === of)
    return `${signatureOf(own)} ${this.reachable}`
  }

  /**
   * Returns whether a packet from this address came over this interface (RFC 6762 §11). A socket receives packets from any interface, and
   * Node does not say which.
   */
  hasNeighbour(source: string): boolean {
    const [address = '', scope] = source.split('%')
    if (scope !== undefined) return scope === this.name
    return this.#neighbours.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

/** Returns the interfaces that are up, by name. */
export function interfacesNow(): Map<string, NetworkInterface> {
  const found = new Map<string, NetworkInterface>()
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (addresses.length > 0) found.set(name, new NetworkInterface(name, addresses))
  }
  return found
}

function signatureOf(addresses: readonly NetworkInterfaceInfo[]): string {
  return addresses
    .map(({ cidr, address }) => cidr ?? address)
    .toSorted()
    .join(' ')
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address)
}
