import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'

/** Where the registry is, who we are there, and how it is reached. */
export interface EtcdOptions {
  /** `127.0.0.1:2379`, or several members of one cluster: when one fails, the next is asked. */
  readonly etcdServers: string | readonly string[]
  /** What all keys begin with, `/rpcx_test`. Go keeps its leading slash as given; so do we, and find both. */
  readonly basePath: string
  /** Speaks TLS; `{}` trusts the authorities that come with Node.js. @default plain text */
  readonly tls?: EtcdTls
  /** A user of etcd. @default none, for an etcd without authentication */
  readonly auth?: EtcdAuth
  /** Whether to go through the proxy that `grpc_proxy`, `https_proxy` or `http_proxy` names in the environment. @default false */
  readonly httpProxy?: boolean
}

/** PEM, as `node:tls` takes it. */
export interface EtcdTls {
  /** Who must have signed etcd's certificate. @default the authorities that come with Node.js */
  readonly ca?: string | Buffer
  /** Ours, with `key`, for an etcd that asks its clients for one. @default none */
  readonly cert?: string | Buffer
  /** The private key of `cert`. @default none */
  readonly key?: string | Buffer
}

/** Who we are in etcd. */
export interface EtcdAuth {
  /** With `readwrite` on the base path to register, with `read` to discover. */
  readonly username: string
  /** A function is asked at each log-in, so that the password can change while we run. */
  readonly password: string | (() => string | Promise<string>)
}

export interface EtcdRegisterPluginOptions extends RegisterPluginOptions, EtcdOptions {
  /**
   * How long etcd keeps the entries of a server that crashed, in milliseconds from 2000; etcd counts whole seconds.
   * @default twice `updateIntervalMs`, 15_000 at most
   */
  readonly ttlMs?: number
}

export interface EtcdDiscoveryOptions extends RegistryDiscoveryOptions, EtcdOptions {}
