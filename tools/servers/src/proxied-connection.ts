import type { Socket } from 'node:net'
import { Pipe } from './pipe.ts'

/** `up` is from the client to the target. */
export type Direction = 'up' | 'down' | 'both'

/** The connection of a client, and the connection to the target to which it is forwarded. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #target: Socket
  readonly #up: Pipe
  readonly #down: Pipe
  readonly #broken = new Set<Pipe>()

  /** Calls `closed` once, when both connections have ended. */
  constructor(client: Socket, target: Socket, closed: () => void) {
    this.#client = client
    this.#target = target
    this.#up = new Pipe(client, target)
    this.#down = new Pipe(target, client)
    client.on('error', () => this.#breakAt(this.#up))
    target.on('error', () => this.#breakAt(this.#down))
    let open = 2
    for (const socket of [client, target]) {
      socket.once('close', () => {
        open--
        if (open === 0) closed()
      })
    }
  }

  set(stalled: Direction | undefined, delayMs: number): void {
    this.#up.delayMs = delayMs
    this.#down.delayMs = delayMs
    this.#up.stalled = stalled === 'up' || stalled === 'both'
    this.#down.stalled = stalled === 'down' || stalled === 'both'
    this.#passResetsOn()
  }

  reset(): void {
    this.#up.close()
    this.#down.close()
    cut(this.#client)
    cut(this.#target)
  }

  #breakAt(pipe: Pipe): void {
    this.#broken.add(pipe)
    this.#passResetsOn()
  }

  /** Passes a reset on to the other end, unless that direction is stalled, because then the other end must not notice. */
  #passResetsOn(): void {
    for (const pipe of this.#broken) if (!pipe.stalled) this.reset()
  }
}

/** Destroys a connection that is already ending, because Node would never close it after a reset. */
function cut(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
