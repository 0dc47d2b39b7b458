/** What a client knows of its servers at one moment. */
export interface ClientSnapshot {
  readonly service: string
  /** In address order; servers that are held although they left the list come last. */
  readonly endpoints: readonly EndpointSnapshot[]
  /** How many calls wait for a list, a server or their next attempt. */
  readonly waiting: number
}

/** A server as a client sees it at one moment. */
export interface EndpointSnapshot {
  readonly address: string
  readonly metadata: string
  /** `idle`: not connected · `dialling` · `open` · `out` of service until it answers a probe */
  readonly state: 'idle' | 'dialling' | 'open' | 'out'
  /** Whether it is only held: it disappeared with most of the list. */
  readonly isHeld: boolean
  /** How many calls wait for it. */
  readonly inFlight: number
  /** How long its calls take of late, in milliseconds: a moving average. */
  readonly latencyMs: number | undefined
  /** The share of its newest calls that failed, from 0 to 1. */
  readonly errorShare: number
  /** How many replies came on its connection, and how many of them for calls that had ended before. */
  readonly replies: number
  readonly lateReplies: number
  /** What took it out of service last, also when it has come back. */
  readonly lastError: Error | undefined
}
