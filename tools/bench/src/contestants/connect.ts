import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { DescService } from '@bufbuild/protobuf'
import { create, createFileRegistry } from '@bufbuild/protobuf'
import type { BytesValue } from '@bufbuild/protobuf/wkt'
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'

/** `@connectrpc/connect-node` over HTTP/2, in the gRPC protocol. */
export const connect: Contestant = {
  async serve() {
    const routes = connectNodeAdapter({
      routes: router => void router.service(bench, { echo } as object),
    })
    const server = createServer(routes)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  },

  async connect(address, { bytes = 581 }) {
    const transport = createGrpcTransport({ baseUrl: `http://${address}`, defaultTimeoutMs: 10_000 })
    const client = createClient(bench, transport) as unknown as Bench
    const request = { value: new Uint8Array(bytes).fill(7) }
    const call = (): Promise<unknown> => client.echo(request)
    await call()
    return awaited(call)
  },
}

const echo = (request: BytesValue): BytesValue => request

interface Bench {
  echo(request: { value: Uint8Array }): Promise<BytesValue>
}

/** `service Bench { rpc Echo(BytesValue) returns (BytesValue) }`, without a compiler. */
const bench = ((): DescService => {
  const type = '.google.protobuf.BytesValue'
  const file = create(FileDescriptorProtoSchema, {
    name: 'bench.proto',
    syntax: 'proto3',
    dependency: [file_google_protobuf_wrappers.proto.name],
    service: [{ name: 'Bench', method: [{ name: 'Echo', inputType: type, outputType: type }] }],
  })
  const service = createFileRegistry(file, () => file_google_protobuf_wrappers.proto).getService('Bench')
  if (service === undefined) throw new Error('the service of the bench is missing')
  return service
})()
