export { type Availability, available, type Kind, kinds } from './binaries.ts'
export { type ConsulOptions, startConsul } from './consul.ts'
export { type EtcdOptions, startEtcd } from './etcd.ts'
export { type CutOptions, type Direction, startProxy, type TcpProxy } from './proxy.ts'
export { requireServer } from './requirement.ts'
export type { RestartOptions, Server, ServerOptions } from './server.ts'
export {
  attachToZooKeeperSession,
  type NodeOptions,
  openZooKeeperSession,
  type SessionOptions,
  type ZooKeeperSession,
} from './session.ts'
export { startZooKeeper, type ZooKeeperOptions } from './zookeeper.ts'
