import type { Metadata } from '../call-metadata.ts'
import type { Seq } from './header.ts'

/** The fields of a message other than its payload. */
export interface Envelope {
  /** The codec of the payload: see `Serialize`. */
  readonly serialize: number
  readonly seq: Seq
  readonly service: string
  readonly method: string
  readonly metadata: Metadata
}
