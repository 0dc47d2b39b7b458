import type { ReverseCallContext } from '../../call/call-context.ts'
import type { CallbackFailed } from '../../callbacks.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { RpcxError } from '../../errors.ts'
import type { Types } from '../call/schema.ts'

/** The functions that a client lets its servers call, by name. */
export type ClientMethods = Readonly<Record<string, ClientMethod>>

/** A function that servers may call. The context has the metadata, the deadline and the signal of the call. */
export type ClientMethod = (args: never, context: ReverseCallContext) => unknown

export interface ClientMethodsOptions {
  /** The types of arguments and replies, by name of the function. */
  readonly types: Types
  readonly codecs: Codecs
  readonly maxFrameBytes: number
  /** The maximum number of running calls of one server. Functions that return no promise do not count. */
  readonly maxConcurrent: number
  /** The maximum size of what the running calls hold, in bytes. */
  readonly maxHeldBytes: number
  /** Called when the details of an error that a function threw cannot be sent. */
  readonly failed: CallbackFailed
}

/** The functions that a client offers to its servers. */
export class ClientMethodTable {
  readonly options: ClientMethodsOptions
  readonly #functions: ReadonlyMap<string, ClientMethod>

  /** @throws TypeError when an offer is not a function, or a type belongs to no offer */
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

  /** Returns the function of that name. @throws `ERR_RPCX_METHOD_NOT_FOUND` with the same message as in Go */
  find(method: string): ClientMethod {
    const found = this.#functions.get(method)
    if (found !== undefined) return found
    throw new RpcxError('ERR_RPCX_METHOD_NOT_FOUND', `rpcx: can't find method ${method}`)
  }
}
