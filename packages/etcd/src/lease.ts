import type { Clock, Timer } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import type { LeaseClient } from 'etcd3'
import { castGrpcError } from 'etcd3'
import { leaseIn } from './answers.ts'
import type { EtcdConnection } from './connection.ts'
import { hangUp } from './connection.ts'
import { newLeaseId } from './lease-id.ts'

/** A lease that is granted on first use and kept alive at every third of its TTL, as in etcd's own client. */
export class Lease {
  /** Resolves when etcd reports that the lease no longer exists. */
  readonly lost: Promise<Error>
  readonly #clock: Clock
  readonly #connection: EtcdConnection
  #ttlMs: number
  #granting: Promise<string> | undefined
  #id: string | undefined
  #timer: Timer | undefined
  #isOver = false
  #lose: (reason: Error) => void = () => {}

  constructor(clock: Clock, ttlMs: number, connection: EtcdConnection) {
    this.#clock = clock
    this.#ttlMs = ttlMs
    this.#connection = connection
    this.lost = new Promise(resolve => (this.#lose = resolve))
  }

  /** The TTL in milliseconds that etcd granted, or the requested one before the grant. */
  get ttlMs(): number {
    return this.#ttlMs
  }

  /** The id of the lease; `undefined` before it is granted. */
  get id(): string | undefined {
    return this.#id
  }

  granted(): Promise<string> {
    this.#granting ??= this.#grant().catch(error => {
      this.#granting = undefined
      throw error
    })
    return this.#granting
  }

  /** Renews the lease for a full TTL. Ignores errors, because the next operation on the connection reports them. */
  async keepAlive(): Promise<void> {
    const id = this.#id
    if (id === undefined || this.#isOver) return
    const ttl = await this.#connection
      .run('keep the lease alive', client => keepAlive(client.leaseClient, id, this.#ttlMs / 3))
      .catch(() => undefined)
    if (ttl === 0) this.end()
  }

  /** Marks the lease as lost and resolves `lost`. */
  end(): void {
    this.#stop()
    this.#lose(new RpcxError('ERR_RPCX_LOST', `etcd: the lease ${this.#id} is gone`))
  }

  /** Revokes the lease. etcd deletes its keys. */
  async revoke(): Promise<void> {
    const ID = this.#id
    if (ID === undefined || this.#isOver) return
    this.#stop()
    await this.#connection.run('revoke the lease', client => client.leaseClient.leaseRevoke({ ID }))
  }

  async #grant(): Promise<string> {
    const TTL = Math.ceil(this.#ttlMs / 1_000)
    const { id, ttlMs } = await this.#connection.run('grant a lease', async client =>
      leaseIn(await client.leaseClient.leaseGrant({ TTL, ID: newLeaseId(this.#clock) })),
    )
    this.#ttlMs = ttlMs
    this.#id = id
    // While the connection is down, other operations already try to restore it.
    const renew = (): void => void (this.#connection.isUp && this.keepAlive())
    this.#timer = this.#clock.setInterval(renew, this.#ttlMs / 3).unref()
    return id
  }

  #stop(): void {
    this.#isOver = true
    this.#clock.clear(this.#timer)
  }
}

/** Renews the lease. Returns its TTL in seconds; 0 when the lease does not exist. */
async function keepAlive(leases: LeaseClient, id: string, ms: number): Promise<number> {
  const stream = await leases.leaseKeepAlive({ deadline: Date.now() + ms })
  try {
    return await new Promise((resolve, reject) => {
      stream.on('data', response => resolve(Number(response.TTL)))
      stream.on('error', error => reject(castGrpcError(error)))
      stream.on('end', () => reject(new Error('etcd ended the keep-alive')))
      stream.write({ ID: id })
    })
  } finally {
    hangUp(stream)
  }
}
