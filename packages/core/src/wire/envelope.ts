import type { Metadata } from '../call-metadata.ts'
import type { Seq } from './header.ts'

/** What is around the payload of a message. */
export interface Envelope {
  /** The codec of the payload: see `Serialize`. */
  readonly serialize: number
  readonly seq: Seq
  readonly service: string
  readonly method: string
  readonly metadata: Metadata
}
