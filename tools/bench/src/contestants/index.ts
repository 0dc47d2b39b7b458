import type { Contestant } from './contestant.ts'

export type ContestantName =
  | 'rpcx'
  | 'metered'
  | 'unmetered'
  | 'floor'
  | 'promised'
  | 'tcp'
  | 'grpc-js'
  | 'moleculer'
  | 'connect'
  | 'http'

/** Loads each contestant only where it takes part. */
export const contestants: Readonly<Record<ContestantName, () => Promise<Contestant>>> = {
  rpcx: async () => (await import('./rpcx.ts')).rpcx,
  metered: async () => (await import('./metered.ts')).metered,
  unmetered: async () => (await import('./metered.ts')).unmetered,
  floor: async () => (await import('./floor.ts')).floor,
  promised: async () => (await import('./promised.ts')).promised,
  tcp: async () => (await import('./tcp.ts')).tcp,
  'grpc-js': async () => (await import('./grpc.ts')).grpc,
  moleculer: async () => (await import('./moleculer.ts')).moleculer,
  connect: async () => (await import('./connect.ts')).connect,
  http: async () => (await import('./http.ts')).http,
}
