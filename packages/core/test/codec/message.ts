import { scenarios } from '../wire/recording.ts'

/** The message of the recorded Go service: its method copies it and adds a colour. */
export interface Colours {
  id: number
  name: string
  colors: string[]
}

/** What Go's client sent and what Go's server replied, payload by payload. */
export function recordedPayloads(name: string): { readonly request: Buffer; readonly reply: Buffer }[] {
  const payloads = { client: [] as Buffer[], server: [] as Buffer[] }
  for (const { from, decoded } of scenarios.find(scenario => scenario.name === name)?.exchange ?? []) {
    if (from !== 'recorder' && decoded !== undefined)
      payloads[from].push(Buffer.from(decoded.payloadHex ?? '', 'hex'))
  }
  return payloads.client.map((request, i) => ({ request, reply: payloads.server[i] as Buffer }))
}

/** What the method of the recorded service does. */
export function withAdded({ id, name, colors }: Colours): Colours {
  return { id, name, colors: [...colors, 'added'] }
}
