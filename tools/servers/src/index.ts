export { available } from './binaries.ts'
export { cached } from './cache.ts'
export {
  type Authority,
  authority,
  type CertificateOptions,
  type Identity,
  identity,
} from './certificates.ts'
export type { Cluster, ClusterOptions } from './cluster.ts'
export { type ConsulOptions, startConsul } from './consul.ts'
export { startConsulCluster } from './consul-cluster.ts'
export { type EtcdOptions, type EtcdTls, startEtcd } from './etcd.ts'
export { startEtcdCluster } from './etcd-cluster.ts'
export { type Availability, type Kind, kinds } from './kind.ts'
export { freePort, multicastPort } from './ports.ts'
export { type CutOptions, type Direction, startProxy, type TcpProxy } from './proxy.ts'
export { requireBrowser, requireCluster, requireServer } from './requirement.ts'
export type { RestartOptions, Server, ServerOptions } from './server.ts'
export { type Avahi, avahi, type Browser, type Command, chromium, nft } from './tool.ts'
export { isZooKeeperSince, startZooKeeper, type ZooKeeperOptions } from './zookeeper.ts'
export { startZooKeeperEnsemble } from './zookeeper-ensemble.ts'
export {
  attachToZooKeeperSession,
  type NodeOptions,
  openZooKeeperSession,
  type SessionOptions,
  type ZooKeeperSession,
} from './zookeeper-session.ts'
