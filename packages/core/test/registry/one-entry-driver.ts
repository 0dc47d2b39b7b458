import type { Driver, Entry, RegistrySession, StoredEntry } from '@rpcx/core'

/** A registry with one entry, which the test controls. */
export class OneEntry implements Driver {
  readonly name = 'one'
  readonly traits = { crash: 'ttl', edits: true, publishes: 'listening' } as const
  held: StoredEntry | undefined
  /** The attempted writes, in order. */
  readonly writes: string[] = []
  /** The number of started watches. */
  looks = 0
  opening: () => Promise<void> = async () => {}
  /** Replaces the write of the registry. `taken` does the real write. */
  writing: (taken: () => bigint | undefined) => Promise<bigint | undefined> = async taken => taken()
  end: (reason: Error) => void = () => {}
  #version = 0n
  #saw: (held: StoredEntry | undefined) => void = () => {}
  #fail: (error: Error) => void = () => {}

  check(): void {}

  async open(): Promise<RegistrySession> {
    await this.opening()
    return {
      ttlMs: 1_000,
      ended: new Promise(resolve => (this.end = resolve)),
      watchService: () => new Promise(() => {}),
      watchEntry: (_service, _address, saw) =>
        new Promise((_resolve, reject) => {
          this.looks++
          this.#saw = saw
          this.#fail = reject
          saw(this.held)
        }),
      write: (entry, over) => this.#write(entry, over),
      remove: async () => {
        if (this.held?.by === 'us') this.held = undefined
      },
      close: async () => {},
    }
  }

  /** Writes the entry as others do. */
  edit(metadata: string, by: StoredEntry['by'] = 'us'): void {
    this.held = { metadata, version: ++this.#version, by }
    this.tell(this.held)
  }

  /** Deletes the entry as others do. */
  remove(): void {
    this.held = undefined
    this.tell(this.held)
  }

  tell(held: StoredEntry | undefined): void {
    this.#saw(held)
  }

  /** Ends the watch. `held` is the entry when the next watch begins. */
  disconnect(held: StoredEntry | undefined): void {
    this.held = held
    this.#version = held?.version ?? this.#version
    this.#fail(new Error('disconnected'))
  }

  #write({ metadata }: Entry, over: StoredEntry | undefined): Promise<bigint | undefined> {
    this.writes.push(metadata)
    return this.writing(() => {
      if (this.held?.version !== over?.version) return undefined
      this.held = { metadata, version: ++this.#version, by: 'us' }
      return this.#version
    })
  }
}
