import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Counts the attempts of this process to connect to a port, also those that are refused. */
export class Dials {
  /** The start of each attempt, by `performance.now()`. */
  readonly at: number[] = []
  readonly #port: number
  readonly #listener = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    socket.on('connectionAttempt', (_host: string, port: number) => {
      if (port === this.#port) this.at.push(performance.now())
    })
  }

  constructor(port: number) {
    this.#port = port
    subscribe('net.client.socket', this.#listener)
  }

  get count(): number {
    return this.at.length
  }

  close(): void {
    unsubscribe('net.client.socket', this.#listener)
  }
}
