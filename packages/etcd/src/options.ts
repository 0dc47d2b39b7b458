import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'

/** The address of etcd, and how to connect and log in. */
export interface EtcdOptions {
  /** `127.0.0.1:2379`, or several members of one cluster. If one fails, rpcx uses the next. */
  readonly etcdServers: string | readonly string[]
  /** The prefix of all keys, such as `/rpcx_test`. A leading slash is part of the keys, as in Go; clients find servers with and without it. */
  readonly basePath: string
  /** Uses TLS; `{}` trusts the authorities that come with Node.js. @default no TLS */
  readonly tls?: EtcdTls
  /** A user of etcd. @default none, for an etcd without authentication */
  readonly auth?: EtcdAuth
  /** Whether to use the proxy in the environment variable `grpc_proxy`, `https_proxy` or `http_proxy`. @default false */
  readonly httpProxy?: boolean
}

/** PEM, as `node:tls` takes it. */
export interface EtcdTls {
  /** The authorities that may sign the certificate of etcd. @default the authorities that come with Node.js */
  readonly ca?: string | Buffer
  /** The client certificate, with `key`, if etcd requires one. @default none */
  readonly cert?: string | Buffer
  /** The private key of `cert`. @default none */
  readonly key?: string | Buffer
}

/** A user of etcd. */
export interface EtcdAuth {
  /** The user needs `readwrite` on the base path to register, and `read` to discover. */
  readonly username: string
  /** The password, or a function that is called at each log-in, so that the password can change. */
  readonly password: string | (() => string | Promise<string>)
}

export interface EtcdRegisterPluginOptions extends RegisterPluginOptions, EtcdOptions {
  /**
   * How long etcd keeps the entries of a crashed server, in milliseconds from 2000; etcd uses whole seconds.
   * @default twice `updateIntervalMs`, 15_000 at most
   */
  readonly ttlMs?: number
}

export interface EtcdDiscoveryOptions extends RegistryDiscoveryOptions, EtcdOptions {}
