import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import type { RegistrySettings } from './registries.ts'

/** A server in its own process. */
export class ServerProcess implements AsyncDisposable {
  readonly #settings: RegistrySettings
  #child: ChildProcess
  #address: string

  private constructor(settings: RegistrySettings, child: ChildProcess, address: string) {
    this.#settings = settings
    this.#child = child
    this.#address = address
  }

  static async start(settings: RegistrySettings): Promise<ServerProcess> {
    const { child, address } = await start(settings, '127.0.0.1:0')
    return new ServerProcess(settings, child, address)
  }

  /** `tcp@127.0.0.1:41235` */
  get address(): string {
    return this.#address
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Kills the server, as a crash does. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await exited
  }

  /** Starts the server again on the same port. */
  async restart(): Promise<void> {
    const { child, address } = await start(this.#settings, this.#address.replace('tcp@', ''))
    this.#child = child
    this.#address = address
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

async function start(
  settings: RegistrySettings,
  host: string,
): Promise<{ child: ChildProcess; address: string }> {
  const child = fork(new URL('./server.ts', import.meta.url), [JSON.stringify(settings), host], {
    execArgv: ['--conditions=@rpcx/source', '--import', 'tsx'],
  })
  const address = await new Promise<string>((resolve, reject) => {
    child.once('message', message => resolve(String(message)))
    child.once('exit', code =>
      reject(new Error(`the server at ${host} ended with ${code} before it listened`)),
    )
  })
  return { child, address }
}
