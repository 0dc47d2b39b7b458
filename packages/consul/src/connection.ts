import type { Clock, RegistryHost } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import type { Answer, Operation, Question } from './agent.ts'
import { Agent } from './agent.ts'
import type { LibraryError } from './failure.ts'
import { explain, isAnswer, isNonsense, isTooMuch } from './failure.ts'
import { ReadThrottle } from './read-throttle.ts'
import type { Access } from './settings.ts'
import type { Shape } from './shapes.ts'

/**
 * The connection of one session to Consul, through one agent. At the first failure it closes with all operations in progress. The next
 * operation uses the next agent.
 */
export class ConsulConnection {
  readonly clock: Clock
  readonly #access: Access
  #next: number
  #agent: Agent | undefined
  #isUp = false
  #isClosed = false

  constructor(clock: Clock, access: Access) {
    this.clock = clock
    this.#access = access
    this.#next = Math.floor(clock.random() * access.hosts.length)
  }

  /** Whether the agent has answered, even with an error, and has not failed since. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Reads items, as `Agent.read` does. @throws `ERR_RPCX_REGISTRY`, or `ERR_RPCX_AUTH` when Consul denies access */
  async read<T>(question: Question<T>, signal: AbortSignal, index = 0n, waitMs?: number): Promise<Answer<T>> {
    // Blocking queries have their own limit, in `QuerySlots`.
    if (index === 0n) await this.#throttle.turn(signal)
    return this.#run(`read ${question.what}`, agent => agent.read(question, signal, index, waitMs))
  }

  /** Runs one operation of the library. @param shape the expected shape, when the response is used @throws as `read` */
  async ask<T>(
    what: string,
    operation: Operation,
    signal?: AbortSignal,
    shape?: Shape,
  ): Promise<T | undefined> {
    return (await this.#run(what, agent => agent.ask<T>(operation, signal, shape)))[1]
  }

  get #throttle(): ReadThrottle {
    return ReadThrottle.to((this.#access.hosts[this.#next] as RegistryHost).text)
  }

  close(): void {
    this.#isClosed = true
    if (this.#agent !== undefined) this.#drop(this.#agent)
  }

  async #run<T>(what: string, operation: (agent: Agent) => Promise<T>): Promise<T> {
    // A new agent would never be closed.
    if (this.#isClosed) throw new RpcxError('ERR_RPCX_CLOSED', 'consul: closed')
    const host = this.#access.hosts[this.#next] as RegistryHost
    this.#agent ??= new Agent(host, this.#access)
    const agent = this.#agent
    let isReady = false
    try {
      await agent.ready
      isReady = true
      // An error that Consul returns for the operation also shows that the agent is up.
      if (this.#agent === agent) this.#isUp = true
      return await operation(agent)
    } catch (error) {
      const cause = error as LibraryError
      if (isTooMuch(cause)) ReadThrottle.to(host.text).slow()
      // With a single agent, a malformed response fails only its own request; closing the agent would fail all others.
      const isAlone = this.#access.hosts.length === 1
      const isTrouble = !isAnswer(cause) && !(isAlone && isNonsense(cause))
      // `ready` never runs again, so an agent that was not ready is replaced.
      if (isTrouble || !isReady) this.#drop(agent, cause)
      const why = cause.isAbort ? (agent.why ?? cause) : cause
      throw explain(why, `consul ${host.text}: ${what}`, this.#access.token)
    }
  }

  #drop(agent: Agent, why?: Error): void {
    agent.close(why)
    if (this.#agent !== agent) return
    this.#agent = undefined
    this.#isUp = false
    this.#next = (this.#next + 1) % this.#access.hosts.length
  }
}
