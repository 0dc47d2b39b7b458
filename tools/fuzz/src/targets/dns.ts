import type { RemoteInfo, Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { DNSDriver } from '../../../../packages/core/src/discovery/dns-driver.ts'
import type { Target } from '../target.ts'
import { nothing } from './errors.ts'
import { dnsPacket } from './multicast.ts'
import { reportsOf } from './reports.ts'

const NAME = 'arith.service.test'

/** The response of a name server to the query for SRV records, over UDP. Node decodes the response, and our driver makes a list of it. */
export const dns: Target = {
  name: 'dns',
  corpus: [
    answer(srv(10, 'a.service.test', 8_972), srv(10, 'b.service.test', 8_973)),
    answer(srv(10, 'a.service.test', 0), srv(0, '', 1)),
    answer(srv(1, '127.0.0.1', 65_535)),
    answer(),
  ],
  tokens: ['c00c', '00210001', '00', 'c0ff', '0000000a', 'ffff', '3f'].map(hex => Buffer.from(hex, 'hex')),
  async decode(input) {
    const server = await hostileServer()
    server.answer = input
    const { address } = server
    return reportsOf(
      new DNSDriver({
        nameOf: () => NAME,
        port: undefined,
        network: 'tcp',
        servers: [address],
        intervalMs: 1_000,
      }),
    )
  },
  mayThrow: nothing,
  limits: { inputBytes: 512 },
  share: 0.02,
}

function srv(priority: number, target: string, port: number): object {
  return { type: 'SRV', name: NAME, ttl: 60, data: { priority, weight: 1, port, target } }
}

function answer(...answers: readonly object[]): Buffer {
  const questions = [{ type: 'SRV', name: NAME }]
  return dnsPacket.encode({ type: 'response', id: 0, flags: 0x0580, questions, answers })
}

interface NameServer {
  readonly address: string
  answer: Buffer
}

let started: Promise<NameServer> | undefined

/** One for all inputs; it keeps no process alive. */
function hostileServer(): Promise<NameServer> {
  started ??= start()
  return started
}

async function start(): Promise<NameServer> {
  const socket: Socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.unref()
  const server: NameServer = { address: `127.0.0.1:${socket.address().port}`, answer: Buffer.alloc(0) }
  socket.on('message', (question: Buffer, { port, address }: RemoteInfo) => {
    const hostile = Buffer.concat([question.subarray(0, 2), server.answer.subarray(2)])
    // If the resolver ignores the first response, the second one says that there is no such name, so the resolver does not wait.
    const honest = Buffer.from(question)
    honest.writeUInt16BE(0x8183, 2)
    const isAsked = question.includes(Buffer.from('arith'))
    if (isAsked) socket.send(hostile, port, address)
    socket.send(honest, port, address)
  })
  return server
}
