import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runServer } from 'verdaccio'
import { run } from './run.ts'

/** A real npm registry on this machine. It stores published packages, and forwards other requests to npm's registry. */
export class Registry implements AsyncDisposable {
  readonly url: string
  /** The environment that makes package managers use it, and no other registry. */
  readonly env: NodeJS.ProcessEnv
  readonly #server: Server
  readonly #folder: string

  private constructor(server: Server, folder: string, url: string) {
    this.#server = server
    this.#folder = folder
    this.url = url
    this.env = { ...withoutNpm(process.env), npm_config_userconfig: join(folder, 'npmrc') }
  }

  static async start(): Promise<Registry> {
    const folder = await mkdtemp(join(tmpdir(), 'rpcx-registry-'))
    const all = { access: '$all', publish: '$all', unpublish: '$all' }
    const server: Server = await runServer({
      self_path: join(folder, 'config.yaml'),
      storage: join(folder, 'storage'),
      auth: {},
      uplinks: { npm: await uplink() },
      packages: { '@rpcx/*': all, '**': { access: '$all', proxy: 'npm' } },
      max_body_size: '100mb',
      log: { type: 'stdout', format: 'pretty', level: 'fatal' },
    } as never)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const host = `127.0.0.1:${port}/`
    const npmrc = [
      `registry=http://${host}`,
      // Clients publish only with a token, although this registry accepts any.
      `//${host}:_authToken=none`,
      // Without the cached packages of another registry that had this port.
      `cache=${join(folder, 'npm')}`,
      `cache-dir=${join(folder, 'pnpm')}`,
      'audit=false',
      'fund=false',
    ]
    await writeFile(join(folder, 'npmrc'), npmrc.join('\n'))
    return new Registry(server, folder, `http://${host}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The registry that npm uses here. */
async function uplink(): Promise<object> {
  const [url = '', cafile = ''] = await Promise.all(
    ['registry', 'cafile'].map(async key =>
      (await run(['npm', 'config', 'get', key], { cwd: tmpdir() })).trim(),
    ),
  )
  const ca = cafile === 'null' ? undefined : await readFile(cafile, 'utf8')
  return { url, ca, timeout: '60s', max_fails: 10 }
}

/** The variables of `npm run` and `npx` would override the file. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(npm|pnpm|yarn)_/i.test(name)))
}
