import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'

// A process that is client and server, and reports what a call copies and allocates on both sides together.

const Bench = { Echo: (payload: Uint8Array): Uint8Array => payload }
const server = new Server()
server.registerName('Bench', Bench)
await server.serve('tcp', '127.0.0.1:0')
const discovery = new Peer2PeerDiscovery(server.address ?? '')
const client = new XClient<typeof Bench>('Bench', discovery, { codec: 'raw' })
const payload = Buffer.alloc(581, 7)

async function calls(count: number, concurrency: number): Promise<void> {
  let left = count
  const loop = async (): Promise<void> => {
    while (left-- > 0) await client.call('Echo', payload)
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
}

await calls(200_000, 100)
globalThis.gc?.()
const before = process.memoryUsage().heapUsed
await calls(20_000, 100)
const allocatedBytes = (process.memoryUsage().heapUsed - before) / 20_000

let copied = 0
countCopies(bytes => (copied += bytes))
// One call at a time, so that no frame spans two reads and needs to be joined.
await calls(1_000, 1)
const copiedBytes = copied / 1_000

await client.close()
await server.close()
process.send?.({ copiedBytes, allocatedBytes })
process.disconnect?.()

function countCopies(count: (bytes: number) => void): void {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as { set: Uint8Array['set'] }
  const { set } = typedArray
  typedArray.set = function (this: Uint8Array, source: ArrayLike<number>, offset?: number) {
    count(source.length)
    return set.call(this, source, offset)
  }
  const { copy } = Buffer.prototype
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<Buffer['copy']>) {
    const bytes = copy.apply(this, args)
    count(bytes)
    return bytes
  }
  const { from } = Buffer
  Buffer.from = ((source: Uint8Array, ...rest: []) => {
    if (source instanceof Uint8Array) count(source.length)
    return from(source, ...rest)
  }) as typeof Buffer.from
  const { concat } = Buffer
  Buffer.concat = (list, total) => {
    const whole = concat(list, total)
    count(whole.length)
    return whole
  }
}
