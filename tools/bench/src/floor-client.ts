import { connect } from 'node:net'
import { BareFrames, field } from './frames.ts'
import type { Order } from './peer.ts'

// The frames that the client of rpcx sends for the same calls, deadline included, encoded one by one.
const payload = Buffer.alloc(581, 7)
const deadline = Buffer.concat([field('__ServerTimeout'), field('10000')])

const [host, port] = (process.argv[2] ?? '').split(':')
const socket = connect({ host, port: Number(port), noDelay: true })
let calls = 0
let running = false
let inFlight = 0
let idle: () => void = () => {}

const frames = new BareFrames(socket, 0, deadline, (_chunk, { start, end }) => {
  if (end - start !== payload.length) throw new Error(`a reply of ${end - start} bytes`)
  calls++
  inFlight--
  if (running) send()
  else if (inFlight === 0) idle()
})

let seq = 0

function send(): void {
  frames.write(seq++, payload, 0, payload.length)
  inFlight++
}

process.on('message', async ({ concurrency, ms }: Order) => {
  calls = 0
  running = true
  const startedAt = performance.now()
  for (let i = 0; i < concurrency; i++) send()
  frames.flush()
  await new Promise(resolve => setTimeout(resolve, ms))
  running = false
  await new Promise<void>(resolve => (idle = resolve))
  process.send?.((calls * 1_000) / (performance.now() - startedAt))
})
socket.once('connect', () => process.send?.('ready'))
process.once('disconnect', () => process.exit())
