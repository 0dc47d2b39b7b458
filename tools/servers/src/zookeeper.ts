import { writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { within } from './deadline.ts'
import { javaFlags } from './java.ts'
import { type Recipe, type Server, type ServerOptions, startServer } from './server.ts'

export interface ZooKeeperOptions extends ServerOptions {
  /** The server's clock tick, default 200; sessions last 2 to 20 ticks and end on a tick. */
  tickTimeMs?: number
  /** Further lines of zoo.cfg, for example `{ maxSessionTimeout: 8000 }`; default none. */
  config?: Readonly<Record<string, string | number | boolean>>
}

/** Starts a ZooKeeper server that stands alone, with 96 MB of heap. Resolves when it serves clients. */
export function startZooKeeper(options: ZooKeeperOptions = {}): Promise<Server> {
  return startServer(zooKeeperRecipe(options), options)
}

/** What makes a server one of an ensemble. */
export interface EnsembleMember {
  readonly id: number
  /** For its virtual machine. */
  readonly flags: readonly string[]
}

export function zooKeeperRecipe(options: ZooKeeperOptions, member?: EnsembleMember): Recipe {
  return {
    kind: 'zookeeper',
    async prepare({ folder, ports }, origin) {
      const settings = {
        tickTime: options.tickTimeMs ?? 200,
        dataDir: join(folder, 'data'),
        clientPort: ports[0],
        clientPortAddress: origin.from === 'docker' ? '0.0.0.0' : '127.0.0.1',
        maxClientCnxns: 0,
        'admin.enableServer': false,
        '4lw.commands.whitelist': '*',
        // Kilobytes of log that are written ahead; the default, 64 MB, is much for a folder in memory.
        preAllocSize: 1024,
        ...options.config,
      }
      const file = join(folder, 'zoo.cfg')
      const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(file, lines.join(''))
      const env = { JVMFLAGS: javaFlags.join(' '), ZOO_LOG_DIR: folder }
      if (!member) return { args: [file], env }
      await writeFile(join(folder, 'data', 'myid'), String(member.id))
      return { args: [file], env: { ...env, JAVA_TOOL_OPTIONS: member.flags.join(' ') } }
    },
    ask: askZooKeeper,
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
    // A word that comes while the server starts may never be answered.
    return await within(400, `ZooKeeper's answer to ${word}`, answer)
  } finally {
    socket.destroy()
  }
}
