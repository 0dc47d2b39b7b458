import type { CallContext } from '../call/call-context.ts'
import { isThenable } from '../callbacks.ts'
import { RpcxError } from '../errors.ts'
import { parseMetadata } from '../metadata.ts'
import { checkKnown } from '../options.ts'
import type { Schema } from '../schema.ts'
import { MethodMeter } from './method-meter.ts'
import { isBuiltIn, levels } from './own-classes.ts'

/** What a service offers under one name. May return a promise. */
export type ServiceMethod = (args: never, context: CallContext) => unknown

/**
 * The function that serves a method of these types: it takes arguments as the schema makes them and returns, perhaps by a promise, what the
 * schema of the reply takes. Where there is no schema, it says itself what it takes and returns.
 */
export type HandlerOf<T extends MethodTypes> = (
  args: T['args'] extends Schema<unknown, infer Output> ? Output : never,
  context: CallContext,
) => T['reply'] extends Schema<infer Input, unknown> ? Input | Promise<Input> : unknown

/**
 * The object that serves the methods of these types, which may have others, too: `class Shop implements HandlersOf<typeof types>`. Its
 * methods may be `async`, and leave out the context or both parameters.
 */
export type HandlersOf<T extends Readonly<Record<string, MethodTypes>>> =
  // Names that are known only when the program runs are checked then.
  string extends keyof T ? unknown : { readonly [M in keyof T]: HandlerOf<T[M]> }

/** The types of one method: for codecs that need them (protobuf, Thrift), or schemas by which its arguments and reply are checked. */
export interface MethodTypes {
  readonly args?: unknown
  readonly reply?: unknown
}

/** Which methods of a service are offered, and in which message types. */
export interface ServiceOptions<
  T extends Readonly<Record<string, MethodTypes>> = Readonly<Record<string, MethodTypes>>,
> {
  /** Offers these only. @default all methods that `registerName` finds */
  readonly methods?: readonly string[]
  /** Message types by method name. @default none */
  readonly types?: T
}

/** How a single function is offered. */
export interface FunctionOptions<T extends MethodTypes = MethodTypes> {
  /** What clients call it. @default the name of the function */
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
  /** Whether `registerFunction` made it, and may add to it. */
  readonly ofFunctions: boolean
  /** Whether it is our own, and stands in no registry. */
  readonly isBuiltIn: boolean
}

/** The services of a server, by name. */
export class Services {
  readonly #services = new Map<string, Service>()

  /** @throws TypeError on a name that is empty, taken or has a `/`; RangeError when there is nothing to offer */
  add(name: string, target: object, metadata: string, options: ServiceOptions): void {
    this.#checkNew(name)
    checkMetadata('registerName', name, metadata)
    checkKnown('registerName', options, { methods: true, types: true })
    this.#add(name, target, metadata, options, false)
  }

  /** Offers what every server offers, without telling anybody. */
  addBuiltIn(name: string, target: object): void {
    this.#add(name, target, '', {}, true)
  }

  /** Returns whether this made the service. @throws TypeError as `add`, and on a function without a name */
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

  /** @throws `ERR_RPCX_SERVICE_NOT_FOUND` or `ERR_RPCX_METHOD_NOT_FOUND` with Go's texts */
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

  /** The metadata of each service, by name. */
  get metadata(): ReadonlyMap<string, string> {
    const own = [...this.#services].filter(([, service]) => !service.isBuiltIn)
    return new Map(own.map(([name, service]) => [name, service.metadata]))
  }

  /** What each method counts. */
  *meters(): Generator<MethodMeter> {
    for (const { methods } of this.#services.values()) for (const { meter } of methods.values()) yield meter
  }

  /** Returns what they were before. @throws TypeError when there is no such service */
  setMetadata(name: string, metadata: string): string {
    const service = this.#services.get(name)
    if (service === undefined || service.isBuiltIn)
      throw new TypeError(`setMetadata: no service ${JSON.stringify(name)} is registered`)
    checkMetadata('setMetadata', name, metadata)
    const before = service.metadata
    service.metadata = metadata
    return before
  }

  /** Returns whether there was one. */
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
    // A `/` would make it two levels in the registries that have paths.
    if (name.includes('/')) throw new TypeError(`register: the service name ${JSON.stringify(name)} has a /`)
    if (this.#services.has(name)) throw new TypeError(`register: service ${name} is registered already`)
  }
}

/**
 * Of a plain object its own functions, of an object of a class the methods of the program's classes. Never `_…` or getters, nor functions
 * in fields of a class, which are as often what it was given for itself: those are offered when `methods` names them.
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

/** @throws TypeError when the types name what is not offered */
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

/** The functions in fields of an object, which `registerName` leaves out. */
function ownFunctions(target: object): string[] {
  const own = Object.entries(Object.getOwnPropertyDescriptors(target))
  return own.filter(([, { value }]) => typeof value === 'function').map(([name]) => name)
}

/** What to do to have functions offered that are not found. */
function hintAt(functions: readonly string[], offered: readonly string[] = []): string {
  if (functions.length === 0) return ''
  const names = [...offered, ...functions].map(name => `'${name}'`).join(', ')
  return `; functions in fields of a class, names with _ and what the platform's classes define are offered only when methods names them: pass methods: [${names}]`
}

/** @throws TypeError when it is no object that could offer anything but what every one of its kind has */
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
 * On the wire there is no `undefined`, only null. A method whose arguments have a default, `({ limit = 10 } = {})`, means `undefined`; by
 * JavaScript's count it has no parameters.
 */
function callOf(method: ServiceMethod, target: unknown): Method['call'] {
  if (method.length > 0) return (args, context) => method.call(target, args as never, context)
  return (args, context) => method.call(target, (args ?? undefined) as never, context)
}

/** @throws TypeError when it is no text, or has a weight by which nobody could choose */
function checkMetadata(who: string, service: string, metadata: unknown): void {
  if (typeof metadata !== 'string') {
    const hint = 'pass a query string, such as weight=10&group=test'
    throw new TypeError(
      `${who}: the metadata of ${service} is ${metadata === null ? 'null' : typeof metadata}; ${hint}`,
    )
  }
  for (const weight of parseMetadata(metadata).values.get('weight') ?? []) {
    // Go's clients end at weights of which none is above 0.
    if (!/^[1-9]\d{0,8}$/.test(weight))
      throw new TypeError(
        `${who}: the weight of ${service} is ${JSON.stringify(weight)}, not an integer from 1 up; to take a server out, use state=inactive`,
      )
  }
}
