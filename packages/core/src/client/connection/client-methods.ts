import type { ReverseCallContext } from '../../call/call-context.ts'
import type { CallbackFailed } from '../../callbacks.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { RpcxError } from '../../errors.ts'
import type { Types } from '../call/schema.ts'

/** What a client lets its servers call, by name. The context has what the server sent beside the arguments, its deadline and its signal. */
export type ClientMethods = Readonly<Record<string, ClientMethod>>

export type ClientMethod = (args: never, context: ReverseCallContext) => unknown

export interface ClientMethodsOptions {
  /** Of arguments and replies, by name. */
  readonly types: Types
  readonly codecs: Codecs
  readonly maxFrameBytes: number
  /** How many calls of one server may run that are not done at once. */
  readonly maxConcurrent: number
  /** What they may hold, in bytes. */
  readonly maxHeldBytes: number
  /** What an error of theirs says cannot be sent. */
  readonly failed: CallbackFailed
}

/** The functions that a client offers to its servers. */
export class ClientMethodTable {
  readonly options: ClientMethodsOptions
  readonly #functions: ReadonlyMap<string, ClientMethod>

  /** @throws TypeError when what is offered is no function, or a type belongs to nothing that is */
  constructor(offers: ClientMethods, options: ClientMethodsOptions) {
    for (const [name, offer] of Object.entries(offers)) {
      if (typeof offer !== 'function')
        throw new TypeError(`XClient: offers.${name} is ${typeof offer}, not a function`)
    }
    this.#functions = new Map(Object.entries(offers))
    this.options = options
    const stray = Object.keys(options.types).find(name => !this.#functions.has(name))
    if (stray !== undefined) throw new TypeError(`XClient: offerTypes.${stray} belongs to nothing in offers`)
  }

  /** @throws `ERR_RPCX_METHOD_NOT_FOUND` with Go's text */
  find(method: string): ClientMethod {
    const found = this.#functions.get(method)
    if (found !== undefined) return found
    throw new RpcxError('ERR_RPCX_METHOD_NOT_FOUND', `rpcx: can't find method ${method}`)
  }
}
