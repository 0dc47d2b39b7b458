import { join } from 'node:path'
import { cached } from './cache.ts'
import { onPath } from './command.ts'
import { unpackDebianPackages } from './debian.ts'

/**
 * Resolves to the command of nftables' `nft`, with which tests lose packets: the one on the PATH, or Debian's.
 * @throws Error that says why there is none
 */
export async function nft(): Promise<readonly [string, ...string[]]> {
  const installed = await onPath('nft')
  if (installed !== undefined) return [installed]
  const root = await cached('nft', into => unpackDebianPackages(PACKAGES, into))
  const libraries = [`lib/${LIBRARIES}`, `usr/lib/${LIBRARIES}`].map(folder => join(root, folder))
  return ['env', `LD_LIBRARY_PATH=${libraries.join(':')}`, join(root, 'usr/sbin/nft')]
}

const LIBRARIES = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
const PACKAGES = [
  'nftables',
  'libnftables1',
  'libnftnl11',
  'libmnl0',
  'libjansson4',
  'libxtables12',
  'libedit2',
  'libbsd0',
  'libmd0',
  'libgmp10',
]
