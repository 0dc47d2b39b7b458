import { connect } from 'node:net'
import { eachFrame } from './frames.ts'
import type { Order } from './peer.ts'

// The frame that the client of rpcx sends for the same call, without its deadline.
const payload = Buffer.alloc(581, 7)
const text = (value: string): Buffer => Buffer.concat([length(value.length), Buffer.from(value)])
const body = Buffer.concat([text('Bench'), text('Echo'), length(0), length(payload.length), payload])
const request = Buffer.concat([Buffer.from('080000000000000000000000', 'hex'), length(body.length), body])

const [host, port] = (process.argv[2] ?? '').split(':')
const socket = connect({ host, port: Number(port), noDelay: true })
let calls = 0
let running = false
let inFlight = 0
let idle: () => void = () => {}

const outgoing = eachFrame(socket, () => {
  calls++
  inFlight--
  if (running) send()
  else if (inFlight === 0) idle()
})

function send(): void {
  request.copy(outgoing.room(request.length), outgoing.used)
  outgoing.used += request.length
  inFlight++
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

process.on('message', async ({ concurrency, ms }: Order) => {
  calls = 0
  running = true
  const startedAt = performance.now()
  for (let i = 0; i < concurrency; i++) send()
  outgoing.write(socket)
  await new Promise(resolve => setTimeout(resolve, ms))
  running = false
  await new Promise<void>(resolve => (idle = resolve))
  process.send?.((calls * 1_000) / (performance.now() - startedAt))
})
socket.once('connect', () => process.send?.('ready'))
process.once('disconnect', () => process.exit())
