import type { DiscoveryEvents, RegistryDiscovery, Server, ServerEvents } from '@rpcx/core'
import { Log } from './log.ts'

/** One event of a server or a discovery, with its details. */
export interface RecordedEvent {
  readonly event: keyof ServerEvents | keyof DiscoveryEvents
  readonly service?: string
  readonly address?: string
  readonly why?: string
  readonly error?: Error
}

/** Returns a log of the events of a server about its registration, from now on. */
export function eventsOfServer(server: Server): Log<RecordedEvent> {
  const log = new Log<RecordedEvent>()
  for (const event of SERVER_EVENTS) server.on(event, detail => log.add({ ...detail, event }))
  return log
}

/** Returns a log of the events of a discovery from now on, except those about malformed metadata. */
export function eventsOfDiscovery(discovery: RegistryDiscovery): Log<RecordedEvent> {
  const log = new Log<RecordedEvent>()
  for (const event of DISCOVERY_EVENTS) discovery.on(event, detail => log.add({ ...detail, event }))
  return log
}

const SERVER_EVENTS = [
  'registered',
  'lost',
  'conflict',
  'withdrawn',
  'registryDown',
  'registryBack',
  'pluginFailed',
] as const

const DISCOVERY_EVENTS = [
  'registryDown',
  'registryBack',
  'endpointAdded',
  'endpointChanged',
  'endpointRemoved',
  'entryIgnored',
] as const
