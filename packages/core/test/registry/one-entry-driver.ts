import type { Driver, Entry, RegistrySession, StoredEntry } from '@rpcx/core'

/** A registry with room for one entry, that a test plays. */
export class OneEntry implements Driver {
  readonly name = 'one'
  readonly traits = { crash: 'ttl', edits: true, publishes: 'listening' } as const
  held: StoredEntry | undefined
  /** What was tried to write, in order. */
  readonly writes: string[] = []
  /** How often somebody began to watch. */
  looks = 0
  opening: () => Promise<void> = async () => {}
  /** What stands in for the registry's own way to write; `taken` is that way. */
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

  /** Someone else writes. */
  edit(metadata: string, by: StoredEntry['by'] = 'us'): void {
    this.held = { metadata, version: ++this.#version, by }
    this.tell(this.held)
  }

  /** Someone else deletes the entry. */
  remove(): void {
    this.held = undefined
    this.tell(this.held)
  }

  tell(held: StoredEntry | undefined): void {
    this.#saw(held)
  }

  /** The watch ends; what is there when it begins again is `held`. */
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
