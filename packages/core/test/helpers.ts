import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Discovery, KeyValue, ServerEvents, ServerOptions, XClientOptions } from '@rpcx/core'
import { MultipleServersDiscovery, Server, XClient } from '@rpcx/core'
import { onTestFinished } from 'vitest'

/** Closes a resource when the test is over, the newest resource first. */
export function closing<T extends { close(): unknown }>(resource: T): T {
  onTestFinished(async () => {
    await resource.close()
  })
  return resource
}

/** Starts a server on a free port of this host. */
export async function serving(
  services: Record<string, object>,
  options: ServerOptions = {},
  place: readonly [network: string, host: string] = ['tcp', '127.0.0.1:0'],
): Promise<Server> {
  const server = closing(new Server({ lingerMs: 50, ...options }))
  for (const [name, service] of Object.entries(services)) server.registerName(name, service)
  await server.serve(...place)
  return server
}

/** Resolves to the details of the next event of a server. */
export function happening<Name extends keyof ServerEvents>(
  server: Server,
  event: Name,
): Promise<ServerEvents[Name]> {
  return new Promise(resolve => {
    const listener = (detail: ServerEvents[Name]): void => {
      server.off(event, listener)
      resolve(detail)
    }
    server.on(event, listener)
  })
}

/** Returns the port of a server that listens on TCP. */
export function portOf(server: { readonly address: string | undefined }): number {
  return Number(server.address?.split(':').at(-1))
}

/** Returns a client of one service on some servers. */
export function clientOf<S extends object>(
  service: string,
  servers: Discovery | readonly { readonly address: string | undefined }[],
  options: XClientOptions = {},
): XClient<S> {
  const discovery = isDiscovery(servers) ? servers : closing(new MultipleServersDiscovery(keys(servers)))
  return closing(new XClient<S>(service, discovery, options))
}

/** Returns the list of these servers for a discovery. */
export function keys(servers: readonly { readonly address: string | undefined }[]): KeyValue[] {
  return servers.map(({ address = '' }) => ({ key: address }))
}

/** Resolves to a temporary directory, which is removed when the test is over. */
export async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'rpcx-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Resolves to the error with which a promise rejects. */
export async function failure(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  const settled = await promise.then(
    value => ({ value }),
    (error: Error) => ({ error }),
  )
  if ('error' in settled) return settled.error
  throw new Error(`resolved to ${JSON.stringify(settled.value)} instead of rejecting`)
}

function isDiscovery(servers: object): servers is Discovery {
  return 'watch' in servers
}
