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
 * How one session reaches Consul: through one agent. It is given up as a whole at the first sign of trouble, with all that is
 * under way there, and the next operation goes to the next agent.
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

  /** Whether the agent has answered, be it by a refusal, and not failed since. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** @throws `ERR_RPCX_REGISTRY`, or `ERR_RPCX_AUTH` when Consul refuses us */
  async read<T>(question: Question<T>, signal: AbortSignal, index = 0n, waitMs?: number): Promise<Answer<T>> {
    // Those that wait for a change have turns of their own.
    if (index === 0n) await this.#throttle.turn(signal)
    return this.#run(`read ${question.what}`, agent => agent.read(question, signal, index, waitMs))
  }

  /** One operation of the library. @param shape of the answer, when it is of use @throws as `read` */
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
    // Nobody would close the agent that this would make.
    if (this.#isClosed) throw new RpcxError('ERR_RPCX_CLOSED', 'consul: closed')
    const host = this.#access.hosts[this.#next] as RegistryHost
    this.#agent ??= new Agent(host, this.#access)
    const agent = this.#agent
    let isReady = false
    try {
      await agent.ready
      isReady = true
      // What it says to the operation is an answer, too, also when it refuses.
      if (this.#agent === agent) this.#isUp = true
      return await operation(agent)
    } catch (error) {
      const cause = error as LibraryError
      if (isTooMuch(cause)) ReadThrottle.to(host.text).slow()
      // Where there is no other agent, what makes no sense is the trouble of who asked for it, and not of all others.
      const isAlone = this.#access.hosts.length === 1
      const isTrouble = !isAnswer(cause) && !(isAlone && isNonsense(cause))
      // Nobody asks again whether it is ready.
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
