import { available } from './binaries.ts'
import { ExternalServer } from './external-server.ts'
import { answering, LocalServer } from './local-server.ts'
import { reservePorts } from './ports.ts'
import type { Recipe, Server, ServerOptions } from './server.ts'

/** Starts a server of this kind. Rejects when there is no binary, or with the log's end when it does not answer. */
export async function startServer(recipe: Recipe, options: ServerOptions): Promise<Server> {
  const origin = await available(recipe.kind)
  if (origin.from === 'nowhere') throw new Error(origin.reason)
  const { startTimeoutMs = 30_000 } = options
  if (origin.from === 'environment') {
    const external = new ExternalServer(recipe.kind, origin.address)
    await answering(recipe, external, startTimeoutMs)
    return external
  }
  return startOnFreePorts(async () => new LocalServer(recipe, origin, await reservePorts(), startTimeoutMs))
}

/** Creates and starts a server. Creates another one when its ports are in use, at most five times. */
export async function startOnFreePorts<T extends Startable>(make: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let made: T | undefined
    try {
      made = await make()
      await made.restart()
      return made
    } catch (error) {
      await made?.stop()
      const portTaken = /EADDRINUSE|address already in use|port is already allocated/i.test(
        (error as Error).message,
      )
      if (!portTaken || attempt === 5) throw error
    }
  }
}

type Startable = Pick<Server, 'restart' | 'stop'>
