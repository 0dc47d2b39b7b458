import type { LeaseClient } from 'etcd3'
import { castGrpcError, EtcdLeaseInvalidError } from 'etcd3'
import type { EtcdLink } from './link.ts'

/** A lease and its keep-alive, every third of the TTL as etcd's own client does. */
export class Lease {
  readonly id: string
  /** As etcd granted it. */
  readonly ttlMs: number
  readonly #link: EtcdLink
  readonly #lost: (reason: Error) => void
  readonly #timer: NodeJS.Timeout
  #isOver = false

  private constructor(id: string, ttlMs: number, link: EtcdLink, lost: (reason: Error) => void) {
    this.id = id
    this.ttlMs = ttlMs
    this.#link = link
    this.#lost = lost
    // While the connection is down, those who try to restore it are enough.
    this.#timer = setInterval(() => this.#link.isUp && this.keepAlive(), ttlMs / 3).unref()
  }

  /** @param lost called once, when etcd says that the lease is gone */
  static async grant(ttlMs: number, link: EtcdLink, lost: (reason: Error) => void): Promise<Lease> {
    const seconds = Math.ceil(ttlMs / 1_000)
    const { ID, TTL } = await link.run('grant a lease', client => client.leases.leaseGrant({ TTL: seconds }))
    return new Lease(ID, Number(TTL) * 1_000, link, lost)
  }

  /** Asks for another full TTL. Errors are left to whoever uses the link next. */
  async keepAlive(): Promise<void> {
    if (this.#isOver) return
    const ttl = await this.#link
      .run('keep the lease alive', client => keepAlive(client.leases, this.id, this.ttlMs / 3))
      .catch(() => undefined)
    if (ttl === 0) this.end()
  }

  /** The lease is gone. */
  end(): void {
    if (this.#isOver) return
    this.#stop()
    this.#lost(new EtcdLeaseInvalidError(this.id))
  }

  /** Gives the lease back; its keys go with it. */
  async revoke(): Promise<void> {
    if (this.#isOver) return
    this.#stop()
    await this.#link.run('revoke the lease', client => client.leases.leaseRevoke({ ID: this.id }))
  }

  #stop(): void {
    this.#isOver = true
    clearInterval(this.#timer)
  }
}

/** The TTL in seconds that etcd answers with: 0 when there is no such lease. */
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
    stream.on('error', () => {})
    stream.cancel()
  }
}
