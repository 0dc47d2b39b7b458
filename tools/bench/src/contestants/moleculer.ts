import type { BrokerOptions } from 'moleculer'
import { ServiceBroker } from 'moleculer'
import { freePort } from '../../../servers/src/ports.ts'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'

/** Moleculer over its own TCP transporter, in binary, without the features that cost time and are optional. */
export const moleculer: Contestant = {
  async serve() {
    // It does not report the port that the system chose.
    const port = await freePort()
    const broker = new ServiceBroker(optionsOf('server', port, []))
    broker.createService({ name: 'bench', actions: { echo: ({ params }) => params } })
    await broker.start()
    return `127.0.0.1:${port}`
  },

  async connect(address, { bytes = 581 }) {
    const server = `${address}/server`
    const broker = new ServiceBroker(optionsOf('client', null, [server]))
    await broker.start()
    await broker.waitForServices('bench')
    const params = { payload: Buffer.alloc(bytes, 7) }
    const call = (): Promise<unknown> => broker.call('bench.echo', params)
    await call()
    return awaited(call)
  },
}

function optionsOf(nodeID: string, port: number | null, urls: readonly string[]): BrokerOptions {
  return {
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options: { port, udpDiscovery: false, urls } },
    serializer: 'Notepack',
    requestTimeout: 10_000,
    validator: false,
    contextParamsCloning: false,
    internalServices: false,
    metrics: false,
    tracing: false,
  }
}
