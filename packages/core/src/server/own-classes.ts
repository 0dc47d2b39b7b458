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
function isBuiltIn(prototype: object): boolean {
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || maker.prototype !== prototype) return false
  if (NATIVE.test(Function.prototype.toString.call(maker))) return true
  if (maker === EventEmitter || GLOBALS.has(maker)) return true
  // Only then, since it loads modules that most programs never need.
  const mayBeNodes =
    prototype instanceof EventEmitter || prototype instanceof EventTarget || /^Async/.test(maker.name)
  return mayBeNodes && nodesClasses().has(maker)
}

const NATIVE = /\{\s*\[native code\]\s*\}$/

/** Classes that are there without an import and written in JavaScript. */
const GLOBALS: ReadonlySet<unknown> = new Set([EventTarget, Event, AbortSignal, AbortController])

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

const MODULES = [
  'node:async_hooks',
  'node:child_process',
  'node:http',
  'node:net',
  'node:readline',
  'node:stream',
  'node:worker_threads',
]
