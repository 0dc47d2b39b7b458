import { readFileSync } from 'node:fs'

interface Conversation {
  readonly what: string
  readonly packets: readonly { readonly from: 'go' | 'hand'; readonly hex: string; readonly note?: string }[]
}

/** Packets of a hand-written responder to Go's client, and what the client listed. */
export interface Written {
  readonly name: string
  readonly what: string
  readonly packets: readonly string[]
  /** `address = metadata`; `null` when it crashed. */
  readonly clientSaw: readonly string[] | null
}

/** The recordings of Go's rpcx: of a server, a client, and a hand-written responder. */
export const recorded: {
  readonly announce: Conversation
  readonly queries: Conversation
  readonly goClientBrowse: Conversation
  readonly registerMore: Conversation
  readonly shutdown: Conversation
  readonly writtenByHand: readonly Written[]
} = JSON.parse(readFileSync(new URL('./fixtures/recorded.json', import.meta.url), 'utf8'))

const { writtenByHand, ...conversations } = recorded

/** All of them. */
export const recordedPackets: readonly Buffer[] = [
  ...Object.values(conversations).flatMap(({ packets }) => packets.map(({ hex }) => hex)),
  ...writtenByHand.flatMap(({ packets }) => packets),
].map(hex => Buffer.from(hex, 'hex'))
