import { EventEmitter } from 'node:events'

/**
 * Yields an object and its prototypes up to the first class of the platform. Clients must not call methods of the platform's classes, such
 * as `emit` of an event emitter or `destroy` of a stream.
 */
export function* levels(target: object): Generator<object> {
  for (let level: object | null = target; level !== null && !isBuiltIn(level); ) {
    yield level
    level = Object.getPrototypeOf(level)
  }
}

/** Returns whether `prototype` belongs to a class of the platform, in any realm. */
export function isBuiltIn(prototype: object): boolean {
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || maker.prototype !== prototype) return false
  if (NATIVE.test(Function.prototype.toString.call(maker))) return true
  if (maker === EventEmitter || globals().has(maker)) return true
  // Only when the prototype may belong to Node: the check loads modules that most programs never need.
  const isNodes =
    prototype instanceof EventEmitter || prototype instanceof EventTarget || NAMES.test(maker.name)
  return isNodes && nodesClasses().has(maker)
}

const NATIVE = /\{\s*\[native code\]\s*\}$/

let known: ReadonlySet<unknown> | undefined

/** The global classes. Skips getters: Node loads their classes on first use, so no class can extend one that was never read. */
function globals(): ReadonlySet<unknown> {
  known ??= new Set(
    Object.values(Object.getOwnPropertyDescriptors(globalThis))
      .map(({ value }) => value)
      .filter(value => typeof value === 'function'),
  )
  return known
}

let classes: ReadonlySet<unknown> | undefined

/** The classes of Node that are written in JavaScript and that programs may extend. */
function nodesClasses(): ReadonlySet<unknown> {
  classes ??= new Set(
    MODULES.flatMap(module => Object.values(process.getBuiltinModule(module) as object)).filter(
      member => typeof member === 'function',
    ),
  )
  return classes
}

/** Matches names of Node's classes that emit no events. */
const NAMES =
  /^(Async|Zlib|Gzip|Gunzip|Deflate|Inflate|Brotli|Readable|Writable|Transform|URL|Headers|Request|Response|Blob|File|FormData|Compression|Decompression|Text)/

const MODULES = [
  'node:async_hooks',
  'node:buffer',
  'node:child_process',
  'node:dgram',
  'node:events',
  'node:fs',
  'node:http',
  'node:http2',
  'node:https',
  'node:net',
  'node:readline',
  'node:stream',
  'node:stream/web',
  'node:tls',
  'node:url',
  'node:worker_threads',
  'node:zlib',
]
