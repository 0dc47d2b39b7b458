/** The names of the methods of a service type: an interface or a class. Private methods are none. */
export type MethodName<S> = {
  [K in keyof S & string]: S[K] extends (...args: never[]) => unknown ? K : never
}[keyof S & string]

/** The arguments of a method: its first parameter. */
export type Arg<F> = F extends (args: infer A, ...rest: never[]) => unknown ? A : never

/** What a method replies. */
export type Out<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never
