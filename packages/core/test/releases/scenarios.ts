import type { CallContext, Metadata, Server, XClient, XClientOptions } from '@rpcx/core'
import { ServiceError } from '@rpcx/core'

/** A recorded scenario, which is one connection of one client. */
export interface Scenario {
  readonly options?: XClientOptions
  /** The results of the calls, as JSON. */
  run(client: XClient<Recorded>, server: ServerControl): Promise<unknown>
}

/** What a scenario does to the server beside calls. Does nothing when only frames are replayed. */
export interface ServerControl {
  /** Begins to close it. */
  drain(): void
  /** Lets `wait` return. */
  finish(): void
}

/** The service that the calls of every release use. */
export interface Recorded {
  add(args: { a: number; b: number }): number
  echo(value: unknown): unknown
  tag(value: string): string
  note(value: string): void
  fail(): never
  declare(): never
  ask(question: string): unknown
  wait(): string
}

/** Serves `Recorded`. Returns a function that lets `wait` return. */
export function offer(server: Server): () => void {
  let finish = (): void => {}
  const finished = new Promise<void>(resolve => (finish = resolve))
  server.registerName('Recorded', {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    echo: (value: unknown) => value,
    tag(value: string, context: CallContext) {
      context.responseMetadata.from = `${context.metadata.to}`
      return value
    },
    note: () => {},
    fail() {
      throw new Error('it failed')
    },
    declare() {
      throw new ServiceError('OUT_OF_STOCK', 'only 3 are left', { details: { left: 3 } })
    },
    ask: (question: string, { connection }: CallContext) => connection.call('answer', question),
    async wait() {
      await finished
      return 'done'
    },
  })
  return finish
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  plain: {
    async run(client) {
      const values = [null, true, -1.5, 2 ** 40, 'text', [1, [2]], { key: 'value' }]
      return [await client.call('add', { a: 1, b: 2 }), await client.call('echo', values)]
    },
  },
  json: {
    options: { codec: 'json' },
    run: client => client.call('echo', { key: ['value', 1, null] }),
  },
  oneway: {
    async run(client) {
      await client.notify('note', 'heard by nobody')
      return client.call('add', { a: 3, b: 4 })
    },
  },
  metadata: {
    options: { token: 'secret' },
    async run(client) {
      const { reply, metadata } = await client.invoke('tag', 'value', { metadata: { to: 'there & back' } })
      return { reply, metadata: withoutReserved(metadata) }
    },
  },
  compressed: {
    options: { compress: 'gzip' },
    run: client => client.call('echo', 'compressed '.repeat(500)),
  },
  errors: {
    async run(client) {
      const calls = [client.call('fail'), client.call('declare')]
      const unknown = (client as unknown as XClient<{ unknown(): void }>).call('unknown')
      return Promise.all([...calls, unknown].map(outcomeOf))
    },
  },
  reverse: {
    options: { offers: { answer: (question: string) => `${question}: yes` } },
    run: client => client.call('ask', 'tea?'),
  },
  drain: {
    async run(client, server) {
      const waiting = client.call('wait')
      // The server has received the first call when it has answered the second.
      await client.call('add', { a: 5, b: 6 })
      server.drain()
      const refused = await outcomeOf(client.call('add', { a: 7, b: 8 }))
      server.finish()
      return [await waiting, refused]
    },
  },
}

/** Resolves to the result of a call: its reply, or the error of its caller. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    reply => ({ reply }),
    ({ code, serviceCode, details }) => ({ code, serviceCode, details }),
  )
}

function withoutReserved(metadata: Metadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('__')))
}
