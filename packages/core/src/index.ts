export type { Address } from './address.ts'
export { parseAddress } from './address.ts'
export type { CallContext, ReverseCallContext } from './call/call-context.ts'
export type { CallReceiver } from './call/call-receiver.ts'
export type { AbortableCall, CallFailure, CallHost, CallSource } from './call/incoming-call.ts'
export { IncomingCall } from './call/incoming-call.ts'
export type { ParentCall } from './call/parent-call.ts'
export type { PushMessage } from './call/push-message.ts'
export type { ReverseCallOptions, ReverseReply } from './call/reverse-call-options.ts'
export type { ServerConnection } from './call/server-connection.ts'
export type { Metadata } from './call-metadata.ts'
export type { CallOptions } from './client/call/call-options.ts'
export type { Inform, Informed } from './client/call/fan-out.ts'
export type { Interceptor, Next, OutgoingCall } from './client/call/interceptor.ts'
export type { Invocation } from './client/call/invocation.ts'
export type { Arg, MethodName, Out } from './client/call/methods.ts'
export type { ServiceOf, Types } from './client/call/schema.ts'
export type { ClientEvents } from './client/client-events.ts'
export type { PushedMessage } from './client/connection/pushed.ts'
export type { ReadyOptions } from './client/endpoints/readiness.ts'
export type { ClientSnapshot, EndpointSnapshot } from './client/endpoints/snapshot.ts'
export type {
  AnyServices,
  OneClientOptions,
  OneClientServiceOptions,
  ServiceClient,
} from './client/one-client.ts'
export { OneClient } from './client/one-client.ts'
export type { FailMode } from './client/policy/fail-mode.ts'
export type { AttemptedCall, FailPolicy, HedgingDelay } from './client/policy/fail-policy.ts'
export type { BackupAfter } from './client/policy/failbackup.ts'
export type { Position } from './client/select/closest.ts'
export type { SelectMode, SelectOptions } from './client/select/select-mode.ts'
export type { Candidate, Chooser, Selector } from './client/select/selector.ts'
export type { Subset } from './client/select/subset.ts'
export { XClient } from './client/xclient.ts'
export type { XClientOptions } from './client/xclient-options.ts'
export type { ClockOption, Timer } from './clock.ts'
export { Clock, systemClock } from './clock.ts'
export type { Codec } from './codec/codec.ts'
export { Ext } from './codec/ext.ts'
export { Float32 } from './codec/float32.ts'
export { checkCore } from './copies.ts'
export type { CachedDiscoveryEvents, CachedDiscoveryOptions } from './discovery/cached-discovery.ts'
export { CachedDiscovery } from './discovery/cached-discovery.ts'
export type {
  Discovery,
  DiscoveryStatus,
  Endpoint,
  Endpoints,
  WaitOptions,
} from './discovery/discovery.ts'
export type { DNSDiscoveryOptions } from './discovery/dns-discovery.ts'
export { DNSDiscovery } from './discovery/dns-discovery.ts'
export type {
  DiscoveryDriver,
  DiscoverySession,
  Driver,
  DriverTraits,
  Entry,
  RegistrySession,
  Replica,
  StoredEntry,
} from './discovery/driver.ts'
export { followNothing } from './discovery/follow-nothing.ts'
export type { DiscoveryEvents } from './discovery/follower.ts'
export type { Root } from './discovery/layout.ts'
export { Layout } from './discovery/layout.ts'
export { merge } from './discovery/merge.ts'
export { checkMetadataSize } from './discovery/metadata-size.ts'
export { MultiDiscovery } from './discovery/multi-discovery.ts'
export type { KeyValue } from './discovery/multiple-servers.ts'
export { MultipleServersDiscovery } from './discovery/multiple-servers.ts'
export { Peer2PeerDiscovery } from './discovery/peer-to-peer.ts'
export type { RegistryDiscoveryOptions } from './discovery/registry-discovery.ts'
export { RegistryDiscovery } from './discovery/registry-discovery.ts'
export type { RegistryHost } from './discovery/registry-hosts.ts'
export { parseRegistryHosts } from './discovery/registry-hosts.ts'
export type { FailedAttempt, RpcxErrorCode, RpcxErrorOptions } from './errors.ts'
export { isRpcxError, RpcxError } from './errors.ts'
export type { CallbackEvents } from './events.ts'
export { hideSecret } from './hide-secret.ts'
export type { ParsedMetadata, Values } from './metadata.ts'
export { formatMetadata, parseMetadata } from './metadata.ts'
export { reasonOf } from './reason.ts'
export { RegisterPlugin } from './registry/register-plugin.ts'
export type { RegisterPluginOptions } from './registry/register-plugin-options.ts'
export type { SharedRegistryOption } from './registry/registry-options.ts'
export { checkRegistryOptions } from './registry/registry-options.ts'
export type { Schema } from './schema.ts'
export { Semaphore } from './semaphore.ts'
export type { Authenticate } from './server/authentication.ts'
export type { Door } from './server/door.ts'
export type { Health } from './server/health.ts'
export type { Histogram } from './server/histogram.ts'
export type { Meter, Metrics, ServerMetrics } from './server/meters.ts'
export type { MethodMetrics } from './server/method-meter.ts'
export type { Origin } from './server/origin.ts'
export type { PluginHost, ServerEvents, ServerHooks, ServerPlugin } from './server/plugin.ts'
export type { RateLimitOptions } from './server/rate-limit.ts'
export { isSameToken } from './server/same-token.ts'
export { Server } from './server/server.ts'
export type { CloseOptions, ServerOptions } from './server/server-options.ts'
export { ServerSession } from './server/server-session.ts'
export type {
  FunctionOptions,
  HandlerOf,
  HandlersOf,
  MethodTypes,
  ServiceMethod,
  ServiceOptions,
} from './server/services.ts'
export type { DeclaredError, ServiceErrorOptions } from './service-error.ts'
export { ServiceError } from './service-error.ts'
export type { ClientTls } from './transport/tls.ts'
export type { Listener, Transport } from './transport/transport.ts'
