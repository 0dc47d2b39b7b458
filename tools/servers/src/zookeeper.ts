import { writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { Identity } from './certificates.ts'
import { within } from './deadline.ts'
import { javaFlags } from './java.ts'
import type { Recipe, Server, ServerOptions } from './server.ts'
import { startServer } from './start.ts'

export interface ZooKeeperOptions extends ServerOptions {
  /** The server's clock tick, default 200; sessions last 2 to 20 ticks and end on a tick. */
  tickTimeMs?: number
  /** Further lines of zoo.cfg, for example `{ maxSessionTimeout: 8000 }`; default none. */
  config?: Readonly<Record<string, string | number | boolean>>
  /** Flags of its virtual machine, such as `-Djute.maxbuffer=4096`; default none. */
  flags?: readonly string[]
  /** Has it serve TLS, too, at `extraAddresses.tls`, with this certificate; default plain text only. */
  tls?: ZooKeeperTls
}

/** The certificate of a ZooKeeper. */
export interface ZooKeeperTls extends Identity {
  /** The PEM of the authority of client certificates. @default clients need no certificate */
  readonly clientAuthority?: string
}

/** Starts a ZooKeeper server that stands alone, with 96 MB of heap. Resolves when it serves clients. */
export function startZooKeeper(options: ZooKeeperOptions = {}): Promise<Server> {
  return startServer(zooKeeperRecipe(options), options)
}

/** What a server needs to be a member of an ensemble. */
export interface EnsembleMember {
  readonly id: number
  /** The flags of its virtual machine. */
  readonly flags: readonly string[]
}

export function zooKeeperRecipe(options: ZooKeeperOptions, member?: EnsembleMember): Recipe {
  const { flags = member?.flags, tls } = options
  return {
    kind: 'zookeeper',
    extraAddresses: ({ ports }): Record<string, string> => (tls ? { tls: `127.0.0.1:${ports[1]}` } : {}),
    async prepare({ folder, ports }, origin) {
      const settings = {
        tickTime: options.tickTimeMs ?? 200,
        dataDir: join(folder, 'data'),
        clientPort: ports[0],
        clientPortAddress: origin.from === 'docker' ? '0.0.0.0' : '127.0.0.1',
        maxClientCnxns: 0,
        'admin.enableServer': false,
        '4lw.commands.whitelist': '*',
        // The log is preallocated in kilobytes. The default, 64 MB, is too much for a folder in memory.
        preAllocSize: 1024,
        ...(tls && (await tlsSettings(folder, ports[1], tls))),
        ...options.config,
      }
      const file = join(folder, 'zoo.cfg')
      const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(file, lines.join(''))
      const env = {
        JVMFLAGS: javaFlags.join(' '),
        ZOO_LOG_DIR: folder,
        ...(flags && { JAVA_TOOL_OPTIONS: flags.join(' ') }),
      }
      if (member) await writeFile(join(folder, 'data', 'myid'), String(member.id))
      return { args: [file], env }
    },
    ask: askZooKeeper,
  }
}

async function tlsSettings(
  folder: string,
  port: number,
  { cert, key, clientAuthority = cert }: ZooKeeperTls,
): Promise<Record<string, string | number>> {
  const [own, trusted] = [join(folder, 'own.pem'), join(folder, 'trusted.pem')]
  await writeFile(own, `${key}${cert}`, { mode: 0o600 })
  await writeFile(trusted, clientAuthority)
  return {
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    secureClientPort: port,
    'ssl.keyStore.location': own,
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': trusted,
    'ssl.trustStore.type': 'PEM',
    'ssl.clientAuth': clientAuthority === cert ? 'none' : 'need',
  }
}

async function askZooKeeper(address: string): Promise<void> {
  const answer = await fourLetterWord(address, 'srvr')
  if (!answer.includes('Mode:')) throw new Error(`srvr: ${answer}`)
}

/** Resolves to whether the server is of this version, such as `3.7`, or a newer one. */
export async function isZooKeeperSince(server: Pick<Server, 'address'>, version: string): Promise<boolean> {
  const [, own = ''] = /version: (\d+\.\d+)/.exec(await fourLetterWord(server.address, 'srvr')) ?? []
  return own.localeCompare(version, 'en', { numeric: true }) >= 0
}

/** Resolves to what the server answers to one of its words, such as `srvr`, within 400 ms. */
export async function fourLetterWord(address: string, word: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = createConnection(Number(port), hostname)
  try {
    socket.write(word)
    const answer = socket.setEncoding('utf8').reduce((text, chunk) => text + chunk, '')
    // The server may never reply to a word that comes while it starts.
    return await within(400, `ZooKeeper's answer to ${word}`, answer)
  } finally {
    socket.destroy()
  }
}
