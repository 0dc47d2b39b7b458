import { readFileSync } from 'node:fs'

interface Conversation {
  readonly what: string
  readonly packets: readonly { readonly from: 'go' | 'hand'; readonly hex: string; readonly note?: string }[]
}

/** Packets that a responder made by hand sent to Go's client, and what that made of them. */
export interface Written {
  readonly name: string
  readonly what: string
  readonly packets: readonly string[]
  /** `address = metadata`; `null` when it crashed. */
  readonly clientSaw: readonly string[] | null
}

/** What was recorded of Go's rpcx: a server and a client, and a responder made by hand. */
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
