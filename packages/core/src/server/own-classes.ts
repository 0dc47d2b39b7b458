import { EventEmitter } from 'node:events'

/**
 * Yields an object and those of its prototypes that the program itself wrote. What the platform gives to an object is nobody's to call:
 * `emit` of an event emitter, `destroy` of a stream.
 */
export function* levels(target: object): Generator<object> {
  for (let level: object | null = target; level !== null && !isBuiltIn(level); ) {
    yield level
    level = Object.getPrototypeOf(level)
  }
}

/** Whether it is the prototype of one of the platform's classes, of whatever realm. */
export function isBuiltIn(prototype: object): boolean {
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || maker.prototype !== prototype) return false
  if (NATIVE.test(Function.prototype.toString.call(maker))) return true
  if (maker === EventEmitter || globals().has(maker)) return true
  // Only where it may be, since it loads modules that most programs never need.
  const isNodes =
    prototype instanceof EventEmitter || prototype instanceof EventTarget || NAMES.test(maker.name)
  return isNodes && nodesClasses().has(maker)
}

const NATIVE = /\{\s*\[native code\]\s*\}$/

let known: ReadonlySet<unknown> | undefined

/** Classes that are there without an import. Those that load what they need when they are asked for were not derived from. */
function globals(): ReadonlySet<unknown> {
  known ??= new Set(
    Object.values(Object.getOwnPropertyDescriptors(globalThis))
      .map(({ value }) => value)
      .filter(value => typeof value === 'function'),
  )
  return known
}

let classes: ReadonlySet<unknown> | undefined

/** Classes of Node's that are written in JavaScript, and that programs derive from now and then. */
function nodesClasses(): ReadonlySet<unknown> {
  classes ??= new Set(
    MODULES.flatMap(module => Object.values(process.getBuiltinModule(module) as object)).filter(
      member => typeof member === 'function',
    ),
  )
  return classes
}

/** Names of classes of Node's that emit no events. */
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
