export type { Address } from './address.ts'
export { parseAddress } from './address.ts'
export type { Invocation } from './client/call.ts'
export type { CallOptions, ParentCall } from './client/call-options.ts'
export type { FailMode } from './client/fail-mode.ts'
export type { Arg, MethodName, Out } from './client/methods.ts'
export type { SelectMode } from './client/select/selector.ts'
export type { XClientOptions } from './client/xclient.ts'
export { XClient } from './client/xclient.ts'
export type { Codec } from './codec/codec.ts'
export { Ext } from './codec/ext.ts'
export { Float32 } from './codec/float32.ts'
export type { CachedDiscoveryEvents, CachedDiscoveryOptions } from './discovery/cached-discovery.ts'
export { CachedDiscovery } from './discovery/cached-discovery.ts'
export type {
  Discovery,
  DiscoveryStatus,
  Endpoint,
  Endpoints,
  WaitOptions,
} from './discovery/discovery.ts'
export type {
  Announcement,
  Driver,
  DriverTraits,
  Entry,
  Holder,
  Replica,
  Session,
} from './discovery/driver.ts'
export type { DiscoveryEvents } from './discovery/follower.ts'
export { MultiDiscovery } from './discovery/multi-discovery.ts'
export type { KeyValue } from './discovery/multiple-servers.ts'
export { MultipleServersDiscovery } from './discovery/multiple-servers.ts'
export { Peer2PeerDiscovery } from './discovery/peer-to-peer.ts'
export type { RegistryDiscoveryOptions } from './discovery/registry-discovery.ts'
export { RegistryDiscovery } from './discovery/registry-discovery.ts'
export type { RpcxErrorCode, RpcxErrorOptions } from './errors.ts'
export { isRpcxError, RpcxError } from './errors.ts'
export type { ParsedMetadata, Values } from './metadata.ts'
export { formatMetadata, parseMetadata } from './metadata.ts'
export type { RegisterPluginOptions } from './registry/register-plugin.ts'
export { RegisterPlugin } from './registry/register-plugin.ts'
export type { CallContext, ServerConnection } from './server/context.ts'
export type { Meter, Metrics } from './server/meters.ts'
export type { PluginHost, ServerEvents, ServerHooks, ServerPlugin } from './server/plugin.ts'
export type { FunctionOptions, ServerOptions } from './server/server.ts'
export { Server } from './server/server.ts'
export type { MethodTypes, ServiceMethod, ServiceOptions } from './server/services.ts'
export type { Metadata } from './wire/pairs.ts'
