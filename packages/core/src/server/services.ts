import type { CallContext } from '../call/call-context.ts'
import { isThenable } from '../callbacks.ts'
import { RpcxError } from '../errors.ts'
import { parseMetadata } from '../metadata.ts'
import { checkKnown } from '../options.ts'
import type { Schema } from '../schema.ts'
import { MethodMeter } from './method-meter.ts'
import { isBuiltIn, levels } from './own-classes.ts'

/** A method of a service. May return a promise. */
export type ServiceMethod = (args: never, context: CallContext) => unknown

/**
 * The function that serves a method with these types. Its arguments are the output of the arguments' schema. It returns the input of the
 * reply's schema, or a promise for it. Without schemas, the function chooses its own types.
 */
export type HandlerOf<T extends MethodTypes> = (
  args: T['args'] extends Schema<unknown, infer Output> ? Output : never,
  context: CallContext,
) => T['reply'] extends Schema<infer Input, unknown> ? Input | Promise<Input> : unknown

/**
 * The object that serves the methods with these types, and may have more: `class Shop implements HandlersOf<typeof types>`. A method may be
 * `async` and may omit the context or both parameters.
 */
export type HandlersOf<T extends Readonly<Record<string, MethodTypes>>> =
  // Names that are not known at compile time are checked at run time.
  string extends keyof T ? unknown : { readonly [M in keyof T]: HandlerOf<T[M]> }

/** The types of one method: message types for codecs that need them (protobuf, Thrift), or schemas that validate arguments and reply. */
export interface MethodTypes {
  readonly args?: unknown
  readonly reply?: unknown
}

/** Options of `registerName`. */
export interface ServiceOptions<
  T extends Readonly<Record<string, MethodTypes>> = Readonly<Record<string, MethodTypes>>,
> {
  /** The methods to offer, and no others. @default all methods that `registerName` finds */
  readonly methods?: readonly string[]
  /** Message types by method name. @default none */
  readonly types?: T
}

/** Options of `registerFunction`. */
export interface FunctionOptions<T extends MethodTypes = MethodTypes> {
  /** The method name for clients. @default the name of the function */
  readonly name?: string
  /** Message types, for codecs that need them. @default none */
  readonly types?: T
}

/** One method of a registered service, ready to be called. */
export interface Method {
  call(args: unknown, context: CallContext): unknown
  readonly types: MethodTypes | undefined
  readonly meter: MethodMeter
}

interface Service {
  metadata: string
  readonly methods: Map<string, Method>
  /** Whether `registerFunction` created the service, and may add functions to it. */
  readonly ofFunctions: boolean
  /** Whether it is a built-in service, which no registry lists. */
  readonly isBuiltIn: boolean
}

/** The services of a server, by name. */
export class Services {
  readonly #services = new Map<string, Service>()

  /** @throws TypeError when the name is empty, in use or contains `/`; RangeError when the object has no methods to offer */
  add(name: string, target: object, metadata: string, options: ServiceOptions): void {
    this.#checkNew(name)
    checkMetadata('registerName', name, metadata)
    checkKnown('registerName', options, { methods: true, types: true })
    this.#add(name, target, metadata, options, false)
  }

  /** Adds a built-in service, which plugins do not see. */
  addBuiltIn(name: string, target: object): void {
    this.#add(name, target, '', {}, true)
  }

  /** Returns whether this call created the service. @throws TypeError as `add`, and for a function without a name */
  addFunction(
    name: string,
    fn: ServiceMethod,
    metadata: string,
    method: string,
    types?: MethodTypes,
  ): boolean {
    if (typeof fn !== 'function')
      throw new TypeError(`registerFunction: ${name} needs a function, not ${typeof fn}`)
    if (method === '')
      throw new TypeError(`registerFunction: a function of ${name} has no name; pass options.name`)
    checkMetadata('registerFunction', name, metadata)
    const known = this.#services.get(name)
    if (known === undefined) this.#checkNew(name)
    else if (!known.ofFunctions) throw new TypeError(`registerFunction: ${name} is registered already`)
    const service = known ?? { metadata, methods: new Map(), ofFunctions: true, isBuiltIn: false }
    if (service.methods.has(method))
      throw new TypeError(`registerFunction: ${name}.${method} is registered already`)
    service.methods.set(method, {
      call: callOf(fn, undefined),
      types,
      meter: new MethodMeter(name, method),
    })
    this.#services.set(name, service)
    return known === undefined
  }

  has(service: string): boolean {
    return this.#services.has(service)
  }

  /** @throws `ERR_RPCX_SERVICE_NOT_FOUND` or `ERR_RPCX_METHOD_NOT_FOUND`, with the messages of Go's server */
  find(service: string, method: string): Method {
    const methods = this.#services.get(service)?.methods
    if (methods === undefined) {
      throw new RpcxError('ERR_RPCX_SERVICE_NOT_FOUND', `rpcx: can't find service ${service}`)
    }
    const found = methods.get(method)
    if (found === undefined)
      throw new RpcxError('ERR_RPCX_METHOD_NOT_FOUND', `rpcx: can't find method ${method}`)
    return found
  }

  /** The metadata of each service that is not built in, by name. */
  get metadata(): ReadonlyMap<string, string> {
    const own = [...this.#services].filter(([, service]) => !service.isBuiltIn)
    return new Map(own.map(([name, service]) => [name, service.metadata]))
  }

  /** Yields the counters of each method. */
  *meters(): Generator<MethodMeter> {
    for (const { methods } of this.#services.values()) for (const { meter } of methods.values()) yield meter
  }

  /** Returns the previous metadata. @throws TypeError when there is no such service */
  setMetadata(name: string, metadata: string): string {
    const service = this.#services.get(name)
    if (service === undefined || service.isBuiltIn)
      throw new TypeError(`setMetadata: no service ${JSON.stringify(name)} is registered`)
    checkMetadata('setMetadata', name, metadata)
    const before = service.metadata
    service.metadata = metadata
    return before
  }

  /** Returns whether the service existed. */
  remove(name: string): boolean {
    return this.#services.delete(name)
  }

  #add(name: string, target: object, metadata: string, options: ServiceOptions, isBuiltIn: boolean): void {
    const methods = new Map<string, Method>()
    for (const method of options.methods ?? exposed(name, target)) {
      methods.set(method, bind(target, name, method, options.types?.[method]))
    }
    checkTypes(name, target, [...methods.keys()], options.types)
    if (methods.size === 0)
      throw new RangeError(`registerName: ${name} has no methods to offer${hintAt(ownFunctions(target))}`)
    this.#services.set(name, { metadata, methods, ofFunctions: false, isBuiltIn })
  }

  #checkNew(name: string): void {
    if (typeof name !== 'string' || name.trim() === '') {
      throw new TypeError(
        `register: the name of a service is ${JSON.stringify(name)}; pass a string that is not empty`,
      )
    }
    // A `/` would add a level to the path in some registries.
    if (name.includes('/')) throw new TypeError(`register: the service name ${JSON.stringify(name)} has a /`)
    if (this.#services.has(name)) throw new TypeError(`register: service ${name} is registered already`)
  }
}

/**
 * Returns the names of the methods to offer: of a plain object its own functions, of an instance the methods of the program's classes.
 * Leaves out names with `_` and getters. Also leaves out functions in fields of an instance, which are often private callbacks; `methods`
 * can name them.
 */
function exposed(name: string, target: object): Set<string> {
  const names = new Set<string>()
  const prototype: object | null = Object.getPrototypeOf(checkTarget(name, target))
  const isPlain = prototype === null || isBuiltIn(prototype)
  for (const level of isPlain ? [target] : levels(prototype)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof property.value === 'function' && name !== 'constructor' && !name.startsWith('_'))
        names.add(name)
    }
  }
  return names
}

/** @throws TypeError when the types name a method that is not offered */
function checkTypes(
  service: string,
  target: object,
  offered: readonly string[],
  types: ServiceOptions['types'] = {},
): void {
  const others = Object.keys(types).filter(method => !offered.includes(method))
  const [first] = others
  if (first === undefined) return
  const functions = others.filter(method => typeof (target as Record<string, unknown>)[method] === 'function')
  const [hidden] = functions
  if (hidden !== undefined)
    throw new TypeError(
      `registerName: types.${hidden} belongs to a function of ${service} that is not offered${hintAt(functions, offered)}`,
    )
  const found = offered.length > 0 ? `there are ${offered.join(', ')}` : `${service} offers none`
  throw new TypeError(`registerName: types.${first} belongs to no method of ${service}; ${found}`)
}

/** Returns the names of functions in fields of an object, which `registerName` leaves out. */
function ownFunctions(target: object): string[] {
  const own = Object.entries(Object.getOwnPropertyDescriptors(target))
  return own.filter(([, { value }]) => typeof value === 'function').map(([name]) => name)
}

/** Returns the hint how to offer functions that were left out. */
function hintAt(functions: readonly string[], offered: readonly string[] = []): string {
  if (functions.length === 0) return ''
  const names = [...offered, ...functions].map(name => `'${name}'`).join(', ')
  return `; functions in fields of a class, names with _ and what the platform's classes define are offered only when methods names them: pass methods: [${names}]`
}

/** @throws TypeError when the target is not an object that can have methods of its own */
function checkTarget(name: string, target: unknown): object {
  if (typeof target === 'function') {
    const hint = isClass(target)
      ? `pass an object of it, new ${target.name || 'Service'}()`
      : 'registerFunction offers one'
    throw new TypeError(`registerName: ${name} is a function, not an object; ${hint}`)
  }
  if (typeof target !== 'object' || target === null)
    throw new TypeError(`registerName: ${name} is ${target === null ? 'null' : typeof target}, not an object`)
  if (Array.isArray(target))
    throw new TypeError(`registerName: ${name} is an array, not an object with methods`)
  if (isThenable(target)) throw new TypeError(`registerName: ${name} is a promise; await it first`)
  return target
}

function isClass(target: unknown): boolean {
  return Function.prototype.toString.call(target).startsWith('class')
}

function bind(target: object, service: string, name: string, types: MethodTypes | undefined): Method {
  const method: unknown = (target as Record<string, unknown>)[name]
  if (typeof method !== 'function') throw new TypeError(`registerName: ${service} has no method ${name}`)
  const meter = new MethodMeter(service, name)
  return { call: callOf(method as ServiceMethod, target), types, meter }
}

/**
 * Wraps a method. JSON and MessagePack have no `undefined`, only null. A method with a default for its arguments, `({ limit = 10 } = {})`,
 * has a `length` of 0 and gets `undefined` for null, so that the default applies.
 */
function callOf(method: ServiceMethod, target: unknown): Method['call'] {
  if (method.length > 0) return (args, context) => method.call(target, args as never, context)
  return (args, context) => method.call(target, (args ?? undefined) as never, context)
}

/** @throws TypeError when the metadata are not a string, or contain a weight that is not an integer from 1 up */
function checkMetadata(who: string, service: string, metadata: unknown): void {
  if (typeof metadata !== 'string') {
    const hint = 'pass a query string, such as weight=10&group=test'
    throw new TypeError(
      `${who}: the metadata of ${service} is ${metadata === null ? 'null' : typeof metadata}; ${hint}`,
    )
  }
  for (const weight of parseMetadata(metadata).values.get('weight') ?? []) {
    // Go's clients crash when no weight is above 0.
    if (!/^[1-9]\d{0,8}$/.test(weight))
      throw new TypeError(
        `${who}: the weight of ${service} is ${JSON.stringify(weight)}, not an integer from 1 up; to take a server out, use state=inactive`,
      )
  }
}
