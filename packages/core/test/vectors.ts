import { readFileSync } from 'node:fs'

/** What pure functions of Go gave for inputs chosen by hand. */
export interface Vectors {
  readonly metadata: {
    readonly vectors: readonly {
      readonly in: string
      readonly values: Readonly<Record<string, readonly string[]>>
      readonly encoded: string
      readonly afterRefresh: string
      /** Set when a pair was dropped. */
      readonly error?: string
      /** The input when it is not UTF-8. */
      readonly inHex?: string
    }[]
  }
  /** The escaped form of each byte. */
  readonly queryEscape: { readonly table: readonly string[] }
  readonly address: {
    readonly vectors: readonly { readonly in: string; readonly network: string; readonly address: string }[]
  }
  readonly serverTimeout: {
    readonly vectors: readonly {
      readonly value: string
      readonly deadlineSet: boolean
      readonly msLeftAbout?: number
    }[]
  }
  readonly filter: {
    readonly vectors: readonly {
      readonly group: string
      /** Metadata by name. */
      readonly servers: Readonly<Record<string, string>>
      readonly kept: readonly string[]
    }[]
  }
}

export const vectors: Vectors = JSON.parse(
  readFileSync(new URL('./fixtures/vectors.json', import.meta.url), 'utf8'),
)
