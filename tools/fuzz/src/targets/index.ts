import type { Target } from '../target.ts'
import { consul } from './consul.ts'
import { dns } from './dns.ts'
import { entries } from './entries.ts'
import { frames } from './frames.ts'
import { gzip } from './gzip.ts'
import { jute } from './jute.ts'
import { multicast } from './multicast.ts'
import { pairs } from './pairs.ts'
import { json, msgpack } from './payloads.ts'
import { address, query } from './strings.ts'

/** What servers and clients read of each other. */
export const wire: readonly Target[] = [frames, pairs, gzip, msgpack, json]

/** What both read of registries and of the network. */
export const registries: readonly Target[] = [address, query, entries, multicast, dns, jute, consul]
