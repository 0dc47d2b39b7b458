import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConsulDriver } from '../../../../packages/consul/src/driver.ts'
import type { Target } from '../target.ts'
import { nothing } from './errors.ts'
import { reportsOf } from './reports.ts'

/** The response of Consul to the query for the keys of a service, over HTTP. Its library decodes the response, and our driver makes a list of it. */
export const consul: Target = {
  name: 'consul',
  corpus: [
    [item('tcp@127.0.0.1:8972', 'calls=0.00&weight=10'), item('tcp@127.0.0.1:8973', '')],
    [item('', '')],
    [],
  ].map(found => Buffer.from(JSON.stringify(found))),
  tokens: ['null', '{}', '[]', '[null]', '"Key":1,', '"Value":null,', '"Value":{},', '""', '1', ','].map(
    text => Buffer.from(text),
  ),
  async decode(input) {
    const agent = await hostileAgent()
    agent.answer = input
    return reportsOf(new ConsulDriver({ consulServers: agent.address, basePath: 'rpcx' }))
  },
  mayThrow: nothing,
  limits: { inputBytes: 2_048 },
  share: 0.02,
}

function item(address: string, metadata: string): object {
  return {
    LockIndex: 1,
    Key: `rpcx/Arith/${address}`,
    // Larger than 2^53, like Go's flags.
    Flags: 0,
    Value: Buffer.from(metadata).toString('base64'),
    CreateIndex: 1,
    ModifyIndex: 2,
  }
}

interface Agent {
  readonly address: string
  answer: Buffer
}

let started: Promise<Agent> | undefined

/** One for all inputs; it keeps no process alive. */
function hostileAgent(): Promise<Agent> {
  started ??= start()
  return started
}

async function start(): Promise<Agent> {
  const server = createServer((request, response) => {
    const isQuestion = request.url?.includes('/v1/kv/')
    response.setHeader('content-type', 'application/json')
    response.setHeader('x-consul-index', '7')
    response.end(isQuestion ? agent.answer : '"127.0.0.1:8300"')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const { port } = server.address() as AddressInfo
  const agent: Agent = { address: `127.0.0.1:${port}`, answer: Buffer.alloc(0) }
  return agent
}
