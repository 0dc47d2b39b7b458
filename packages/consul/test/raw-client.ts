/** The contents of one key in Consul. */
export interface Stored {
  readonly key: string
  readonly value: string
  /** Decimal: it may exceed 2^53. */
  readonly flags: string
  readonly session: string | undefined
  readonly createIndex: number
  readonly modifyIndex: number
}

/** A Consul session. */
export interface Kept {
  readonly ID: string
  readonly Name: string
  readonly Node: string
  readonly Behavior: string
  readonly TTL: string
  /** Nanoseconds. */
  readonly LockDelay: number
  readonly NodeChecks: readonly string[] | null
}

/** `api.LockFlagValue` of Consul's Go client. */
export const GO_FLAGS = '3304740253564472344'

/** Reads and changes Consul over HTTP, without the package that is tested. */
export class RawClient {
  readonly #address: string
  readonly #token: string | undefined

  constructor(address: string, token?: string) {
    this.#address = address
    this.#token = token
  }

  /** Writes as others do: with Go's flags, and without changing the session that holds the key. */
  async put(key: string, value: string | Buffer, flags: string = GO_FLAGS): Promise<void> {
    await this.ask('PUT', `kv/${encodeURIComponent(key)}?flags=${flags}`, value)
  }

  async get(key: string): Promise<Stored | undefined> {
    return (await this.#read(`kv/${encodeURIComponent(key)}`))[0]
  }

  /** Resolves to all keys that begin with `prefix`. */
  all(prefix: string): Promise<readonly Stored[]> {
    return this.#read(`kv/${encodeURIComponent(prefix)}?recurse`)
  }

  async remove(key: string): Promise<void> {
    await this.ask('DELETE', `kv/${encodeURIComponent(key)}`)
  }

  async removeAll(prefix: string): Promise<void> {
    await this.ask('DELETE', `kv/${encodeURIComponent(prefix)}?recurse`)
  }

  async sessions(): Promise<readonly Kept[]> {
    return JSON.parse(await this.ask('GET', 'session/list')) as Kept[]
  }

  async destroy(session: string): Promise<void> {
    await this.ask('PUT', `session/destroy/${session}`)
  }

  /** Creates a session that holds a key, as another server would. */
  async hold(key: string, value: string): Promise<string> {
    const { ID } = JSON.parse(
      await this.ask(
        'PUT',
        'session/create',
        '{"TTL":"10s","Behavior":"delete","LockDelay":"1ms","Checks":[]}',
      ),
    ) as Kept
    await this.ask('PUT', `kv/${encodeURIComponent(key)}?acquire=${ID}&flags=${GO_FLAGS}`, value)
    return ID
  }

  /** Resolves to the index for a blocking query below `prefix`. */
  async index(prefix: string): Promise<number> {
    const response = await this.fetch('GET', `kv/${encodeURIComponent(prefix)}?recurse`)
    await response.text()
    return Number(response.headers.get('x-consul-index'))
  }

  /** Waits for one change below `prefix` after `index`, as a bare blocking query does. */
  async change(prefix: string, index: number): Promise<number> {
    const response = await this.fetch(
      'GET',
      `kv/${encodeURIComponent(prefix)}?recurse&index=${index}&wait=30s`,
    )
    await response.text()
    return Number(response.headers.get('x-consul-index'))
  }

  async ask(method: string, path: string, body?: string | Buffer): Promise<string> {
    const response = await this.fetch(method, path, body)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text
  }

  /** As `ask`, with the whole response. */
  fetch(method: string, path: string, body?: string | Buffer): Promise<Response> {
    return fetch(`http://${this.#address}/v1/${path}`, {
      method,
      ...(body !== undefined && { body }),
      ...(this.#token !== undefined && { headers: { 'X-Consul-Token': this.#token } }),
    })
  }

  async #read(path: string): Promise<readonly Stored[]> {
    const response = await this.fetch('GET', path)
    const text = await response.text()
    if (response.status === 404) return []
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    const found = JSON.parse(text.replace(/"Flags":(\d+)/g, '"Flags":"$1"')) as readonly Found[]
    return found.map(({ Key, Value, Flags, Session, CreateIndex, ModifyIndex }) => ({
      key: Key,
      value: Buffer.from(Value ?? '', 'base64').toString(),
      flags: Flags,
      session: Session,
      createIndex: CreateIndex,
      modifyIndex: ModifyIndex,
    }))
  }
}

interface Found {
  readonly Key: string
  readonly Value: string | null
  readonly Flags: string
  readonly Session?: string
  readonly CreateIndex: number
  readonly ModifyIndex: number
}
