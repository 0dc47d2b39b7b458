import { isRpcxError, RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import { endWith } from '../../signals.ts'
import type { EndpointHandle } from '../endpoints/endpoint-handle.ts'
import type { Invocation } from './invocation.ts'

/** The result of one server of a call to all servers. */
export type Informed<Reply> =
  | (Invocation<Reply> & { readonly status: 'fulfilled' })
  | { readonly status: 'rejected'; readonly endpoint: string; readonly reason: unknown }

/** Calls one server; `signal` cancels the call. */
export type CallAt<Reply> = (handle: EndpointHandle, signal: AbortSignal) => Promise<Invocation<Reply>>

/** Calls all servers and resolves to all results. The first failure rejects and cancels the other calls; `signal` does the same. */
export async function broadcast<Reply>(
  handles: readonly EndpointHandle[],
  callAt: CallAt<Reply>,
  signal: AbortSignal | undefined,
): Promise<Invocation<Reply>[]> {
  const over = new Over(signal)
  try {
    return await Promise.all(handles.map(handle => callAt(handle, over.signal)))
  } finally {
    over.end()
  }
}

/**
 * Calls all servers and resolves to the first success, which cancels the other calls.
 * @throws RpcxError with the code of the first failure when all servers failed
 */
export async function fork<Reply>(
  name: string,
  handles: readonly EndpointHandle[],
  callAt: CallAt<Reply>,
  signal: AbortSignal | undefined,
): Promise<Invocation<Reply>> {
  const over = new Over(signal)
  try {
    return await Promise.any(handles.map(handle => callAt(handle, over.signal)))
  } catch (error) {
    throw error instanceof AggregateError ? allFailed(name, handles, error.errors) : error
  } finally {
    over.end()
  }
}

/** The results of a call to all servers. `for await` yields each as it arrives; leaving the loop cancels the calls that have not ended. */
export class Inform<Reply> implements AsyncIterable<Informed<Reply>> {
  readonly #start: () => Promise<readonly EndpointHandle[]>
  readonly #callAt: CallAt<Reply>
  readonly #signal: AbortSignal | undefined

  /** @param start returns the servers to call; called once for each loop */
  constructor(
    start: () => Promise<readonly EndpointHandle[]>,
    callAt: CallAt<Reply>,
    signal: AbortSignal | undefined,
  ) {
    this.#start = start
    this.#callAt = callAt
    this.#signal = signal
  }

  /** Resolves to all results, in the order in which they arrived. */
  async all(): Promise<Informed<Reply>[]> {
    const results: Informed<Reply>[] = []
    for await (const result of this) results.push(result)
    return results
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Informed<Reply>, void, undefined> {
    const handles = await this.#start()
    const over = new Over(this.#signal)
    const results: Informed<Reply>[] = []
    let wake: () => void = () => {}
    for (const handle of handles) {
      const { address } = handle.endpoint
      const came = (result: Informed<Reply>): void => {
        results.push(result)
        wake()
      }
      this.#callAt(handle, over.signal).then(
        invocation => came({ status: 'fulfilled', ...invocation }),
        reason => came({ status: 'rejected', endpoint: address, reason }),
      )
    }
    try {
      for (let given = 0; given < handles.length; given++) {
        if (results.length === given) await new Promise<void>(resolve => (wake = resolve))
        yield results[given] as Informed<Reply>
      }
    } finally {
      over.end()
    }
  }
}

/** Cancels the calls to all servers: at the end, or when the signal of the caller aborts. */
class Over {
  readonly #abort = new AbortController()
  readonly #release: (() => void) | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#release = signal && endWith({ fail: reason => this.#abort.abort(reason) }, signal)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  end(): void {
    this.#release?.()
    this.#abort.abort()
  }
}

function allFailed(name: string, handles: readonly EndpointHandle[], errors: readonly unknown[]): unknown {
  const [first] = errors
  if (!isRpcxError(first)) return first
  const attempts = errors.flatMap((error, i) => {
    const endpoint = handles[i]?.endpoint.address ?? ''
    return isRpcxError(error) ? [{ endpoint, error }] : []
  })
  const text = `${name}: failed at all ${handles.length} servers: ${reasonOf(first)}`
  const { serviceCode, details } = first
  return new RpcxError(first.code, text, {
    cause: first,
    attempts,
    ...(serviceCode !== undefined && { serviceCode, details }),
  })
}
