/** A message that a server sends without a request. Go's clients receive it like those of Go's servers. */
export interface PushMessage {
  /** The topic of the message, on which client and server agree. @default '' */
  readonly service?: string
  /** @default '' */
  readonly method?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** The raw bytes; a string is sent as UTF-8. @default none */
  readonly payload?: Uint8Array | string
}
