import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from './cache.ts'
import { onPath } from './command.ts'
import { unpackDebianPackages } from './debian.ts'

/** How to start a program: the command before its own arguments. */
export type Command = readonly [string, ...string[]]

/**
 * Resolves to the command of nftables' `nft`, with which tests lose packets: the one on the PATH, or Debian's.
 * @throws Error that says why there is none
 */
export async function nft(): Promise<Command> {
  const installed = await onPath('nft')
  return installed === undefined ? inside('nft', 'usr/sbin/nft') : [installed]
}

/** Avahi, another mDNS responder, and the bus over which it is asked. */
export interface Avahi {
  readonly bus: Command
  readonly daemon: Command
  readonly browse: Command
}

/** Resolves to Debian's Avahi. @throws Error that says why there is none */
export async function avahi(): Promise<Avahi> {
  return {
    bus: await inside('avahi', 'usr/bin/dbus-daemon'),
    daemon: await inside('avahi', 'usr/sbin/avahi-daemon'),
    browse: await inside('avahi', 'usr/bin/avahi-browse'),
  }
}

/** A browser without a screen, and what it needs in its environment. */
export interface Browser {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
}

/** Resolves to Debian's Chromium. @throws Error that says why there is none */
export async function chromium(): Promise<Browser> {
  const root = await cached('chromium', into =>
    unpackDebianPackages(['chromium-headless-shell'], into, { dependencies: true }),
  )
  const folders = libraries(root).flatMap(folder => [folder, join(folder, 'pulseaudio')])
  // Where the machine has no fonts of its own, these are among the packages.
  const fonts = existsSync(join(root, 'etc/fonts')) ? { FONTCONFIG_SYSROOT: root } : {}
  return {
    file: join(root, 'usr/lib/chromium/chromium-headless-shell'),
    env: { LD_LIBRARY_PATH: folders.join(':'), ...fonts },
  }
}

const PACKAGES = {
  nft: [
    ...['nftables', 'libnftables1', 'libnftnl11', 'libmnl0', 'libjansson4', 'libxtables12', 'libedit2'],
    ...['libbsd0', 'libmd0', 'libgmp10'],
  ],
  avahi: [
    ...[
      'avahi-daemon',
      'avahi-utils',
      'libavahi-core7',
      'libavahi-common3',
      'libavahi-client3',
      'libdaemon0',
    ],
    ...['dbus-daemon', 'libdbus-1-3', 'libexpat1', 'libapparmor1', 'libcap-ng0', 'libaudit1', 'libsystemd0'],
    ...['libgcrypt20', 'libgpg-error0', 'liblz4-1', 'liblzma5', 'libzstd1', 'libcap2', 'libselinux1'],
  ],
} as const

async function inside(name: keyof typeof PACKAGES, program: string): Promise<Command> {
  const root = await cached(name, into => unpackDebianPackages(PACKAGES[name], into))
  return ['env', `LD_LIBRARY_PATH=${libraries(root).join(':')}`, join(root, program)]
}

/** Returns the library paths of packages that were unpacked into a folder. */
function libraries(root: string): string[] {
  const folder = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  return [`lib/${folder}`, `usr/lib/${folder}`].map(path => join(root, path))
}
