import { readFileSync } from 'node:fs'

/** The results of pure Go functions for chosen inputs. */
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
  readonly weightParsing: {
    readonly vectors: readonly { readonly metadata: string; readonly weight: number }[]
  }
  readonly weightedRoundRobin: {
    readonly vectors: readonly {
      readonly weights: readonly number[]
      /** The servers `a`, `b`, … in the order of 30 choices. */
      readonly picks: string
    }[]
  }
  readonly closest: {
    readonly points: readonly {
      readonly name: string
      readonly latitude: number
      readonly longitude: number
    }[]
    readonly distances: readonly { readonly from: string; readonly to: string; readonly meters: number }[]
    /** Metadata by address. */
    readonly servers: Readonly<Record<string, string>>
    readonly picks: readonly {
      readonly client: string
      readonly latitude: number
      readonly longitude: number
      /** All that were ever chosen. */
      readonly picks: readonly string[]
    }[]
  }
  readonly consistentHash: {
    readonly keys: readonly {
      readonly args: string
      readonly servicePath: string
      readonly serviceMethod: string
      readonly keyString: string
      readonly fnv1a64: string
      /** The bucket by the number of buckets. */
      readonly jump: Readonly<Record<string, number>>
      /** The server by the name of the set. */
      readonly picks: Readonly<Record<string, string>>
    }[]
    readonly sets: Readonly<
      Record<string, { readonly ops: readonly (readonly ['add' | 'remove', string])[] }>
    >
    readonly selectorGrownOneByOne: { readonly picks: readonly string[] }
  }
}

export const vectors: Vectors = JSON.parse(
  readFileSync(new URL('./fixtures/vectors.json', import.meta.url), 'utf8'),
)
