/** The contents of one key in etcd. */
export interface Stored {
  readonly key: string
  readonly value: string
  /** `0` without one. */
  readonly lease: string
  readonly createRevision: string
  readonly modRevision: string
}

interface Answer {
  readonly header: { readonly revision: string }
  readonly kvs?: readonly {
    readonly key: string
    readonly value?: string
    readonly lease?: string
    readonly create_revision: string
    readonly mod_revision: string
  }[]
  readonly leases?: readonly { readonly ID: string }[]
  readonly members?: readonly { readonly peerURLs: readonly string[] }[]
  readonly alarms?: readonly { readonly memberID: string; readonly alarm: string }[]
  readonly ID?: string
  readonly token?: string
}

/** Reads and changes etcd over its HTTP gateway, without the package that is tested. */
export class Gateway {
  readonly #address: string
  #token: string | undefined

  constructor(address: string) {
    this.#address = address
  }

  async put(key: string, value: string | Buffer, lease = '0'): Promise<void> {
    await this.ask('kv/put', { key: encode(key), value: encode(value), lease })
  }

  async get(key: string): Promise<Stored | undefined> {
    const { kvs = [] } = await this.ask('kv/range', { key: encode(key) })
    return kvs.map(stored)[0]
  }

  /** Resolves to all keys that begin with `prefix`. */
  async all(prefix: string): Promise<readonly Stored[]> {
    const { kvs = [] } = await this.ask('kv/range', { key: encode(prefix), range_end: endOf(prefix) })
    return kvs.map(stored)
  }

  async remove(key: string): Promise<void> {
    await this.ask('kv/deleterange', { key: encode(key) })
  }

  async removeAll(prefix: string): Promise<void> {
    await this.ask('kv/deleterange', { key: encode(prefix), range_end: endOf(prefix) })
  }

  async leases(): Promise<readonly string[]> {
    const { leases = [] } = await this.ask('lease/leases', {})
    return leases.map(({ ID }) => ID)
  }

  async grant(seconds: number): Promise<string> {
    const { ID } = await this.ask('lease/grant', { TTL: String(seconds) })
    return ID as string
  }

  async revoke(lease: string): Promise<void> {
    await this.ask('lease/revoke', { ID: lease })
  }

  /** Compacts all revisions before the newest. */
  async compact(): Promise<void> {
    const { header } = await this.ask('kv/range', { key: encode('-') })
    // Another client may have compacted it just now.
    await this.ask('kv/compaction', { revision: header.revision, physical: true }).catch(() => {})
  }

  /** Disarms the alarm of an etcd that was out of space. */
  async disarm(): Promise<void> {
    const { alarms = [] } = await this.ask('maintenance/alarm', { action: 'GET' })
    for (const { memberID, alarm } of alarms)
      await this.ask('maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm })
  }

  /** Resolves to one figure of `/metrics`, the sum of all label sets that contain `labels`. */
  async figure(name: string, labels = ''): Promise<number> {
    const response = await fetch(`http://${this.#address}/metrics`)
    const lines = (await response.text()).split('\n')
    return lines
      .filter(line => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  async logIn(name: string, password: string): Promise<void> {
    // An expired one is refused even here.
    this.#token = undefined
    this.#token = (await this.ask('auth/authenticate', { name, password })).token
  }

  async ask(operation: string, body: object): Promise<Answer> {
    const response = await fetch(`http://${this.#address}/v3/${operation}`, {
      method: 'POST',
      body: JSON.stringify(body),
      ...(this.#token !== undefined && { headers: { authorization: this.#token } }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${operation}: ${response.status} ${text}`)
    return JSON.parse(text) as Answer
  }
}

function encode(text: string | Buffer): string {
  return Buffer.from(text as string).toString('base64')
}

function decode(text: string | undefined): string {
  return Buffer.from(text ?? '', 'base64').toString()
}

function stored(kv: NonNullable<Answer['kvs']>[number]): Stored {
  return {
    key: decode(kv.key),
    value: decode(kv.value),
    lease: kv.lease ?? '0',
    createRevision: kv.create_revision,
    modRevision: kv.mod_revision,
  }
}

function endOf(prefix: string): string {
  const end = Buffer.from(prefix)
  end[end.length - 1] = (end[end.length - 1] as number) + 1
  return end.toString('base64')
}
