import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'

/** `@grpc/grpc-js`, which passes bytes through without protobuf. */
export const grpc: Contestant = {
  async serve() {
    const server = new Server()
    const methods: UntypedServiceImplementation = {
      Echo: (call: { request: Buffer }, callback: (error: null, reply: Buffer) => void) =>
        callback(null, call.request),
    }
    server.addService(bench, methods)
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      )
    })
    return `127.0.0.1:${port}`
  },

  async connect(address, { bytes = 581 }) {
    const client = new Client(address, credentials.createInsecure())
    const payload = Buffer.alloc(bytes, 7)
    const { path, requestSerialize, responseDeserialize } = echo
    const call = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + 10_000
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          payload,
          { deadline },
          (error, reply) => (error ? reject(error) : resolve(reply)),
        )
      })
    await call()
    return awaited(call)
  },
}

const asIs = (bytes: Buffer): Buffer => bytes

const echo = {
  path: '/Bench/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
}

const bench: ServiceDefinition = { Echo: echo }
