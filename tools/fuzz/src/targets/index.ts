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

/** The decoders of bytes that servers and clients send to each other. */
export const wire: readonly Target[] = [frames, pairs, gzip, msgpack, json]

/** The decoders of bytes from registries and from the network. */
export const registries: readonly Target[] = [address, query, entries, multicast, dns, jute, consul]
