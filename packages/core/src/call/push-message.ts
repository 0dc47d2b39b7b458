/** A message that a server sends of its own accord. Go's clients get it as they get those of Go's servers. */
export interface PushMessage {
  /** What it is about; means what both sides agree on. @default '' */
  readonly service?: string
  /** @default '' */
  readonly method?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Raw bytes; a text is sent as UTF-8. @default none */
  readonly payload?: Uint8Array | string
}
