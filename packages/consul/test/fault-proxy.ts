import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** An answer that does not come from Consul. */
export type Answer = (response: ServerResponse, question: IncomingMessage) => void

/** An HTTP proxy in front of Consul. Forwards requests, or answers them itself. */
export class Front {
  readonly #server: Server
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #questions = 0
  #waiting = 0
  #mostWaiting = 0
  /** Returns the answer instead of Consul's, or `undefined` for a request that is forwarded. */
  #instead: (question: IncomingMessage) => Answer | undefined = () => undefined

  private constructor(target: string) {
    this.#target = new URL(`http://${target}`)
    this.#server = createServer((question, response) => this.#answer(question, response))
    this.#server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async open(target: string): Promise<Front> {
    const front = new Front(target)
    await new Promise<void>(resolve => front.#server.listen(0, '127.0.0.1', resolve))
    return front
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The number of requests. */
  get questions(): number {
    return this.#questions
  }

  /** The largest number of concurrent blocking queries. */
  get mostWaiting(): number {
    return this.#mostWaiting
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Gives this answer to matching requests from now on. Resets open connections, so that waiting requests come again. */
  answer(answer: Answer, which: (path: string) => boolean = () => true): void {
    this.#instead = ({ url = '' }) => (which(url) ? answer : undefined)
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  heal(): void {
    this.#instead = () => undefined
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  readonly #answer: RequestListener = (question, response) => {
    this.#questions++
    const instead = this.#instead(question)
    if (instead !== undefined) return instead(response, question)
    const isBlocking = question.url?.includes('index=') === true
    if (isBlocking) this.#mostWaiting = Math.max(this.#mostWaiting, ++this.#waiting)
    let isWaiting = isBlocking
    const waited = (): void => {
      if (isWaiting) this.#waiting--
      isWaiting = false
    }
    response.once('close', () => {
      waited()
      forwarded.destroy()
    })
    const { hostname, port } = this.#target
    const { method, url: path, headers } = question
    const forwarded = request({ hostname, port, method, path, headers, agent: false }, answer => {
      // The client may send its next query before `response` reports that it has sent everything.
      waited()
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', () => response.destroy())
    question.pipe(forwarded)
  }
}

/** Returns an answer with this status and text. */
export function saying(status: number, text: string, type = 'text/plain'): Answer {
  return response => {
    response.writeHead(status, { 'content-type': type })
    response.end(text)
  }
}
