/** The servers of a client at one moment. */
export interface ClientSnapshot {
  readonly service: string
  /** The servers in address order. Held servers, which are no longer in the list, come last. */
  readonly endpoints: readonly EndpointSnapshot[]
  /** The number of calls that wait for a list, a server or their next attempt. */
  readonly waiting: number
}

/** One server of a client at one moment. */
export interface EndpointSnapshot {
  readonly address: string
  readonly metadata: string
  /** `idle`: not connected · `dialling`: connecting · `open`: connected · `out`: ejected until it answers a health probe */
  readonly state: 'idle' | 'dialling' | 'open' | 'out'
  /** Whether the client still calls the server although it disappeared, together with most of the list. */
  readonly isHeld: boolean
  /** The number of calls that wait for this server. */
  readonly inFlight: number
  /** The moving average of the duration of its recent calls, in milliseconds; `undefined` until it is known. */
  readonly latencyMs: number | undefined
  /** The share of its recent calls that failed, from 0 to 1. */
  readonly errorShare: number
  /** The number of replies on its current connection. */
  readonly replies: number
  /** The number of replies that arrived after their call had ended. */
  readonly lateReplies: number
  /** The error that last ejected the server. It stays after the server is restored. */
  readonly lastError: Error | undefined
}
