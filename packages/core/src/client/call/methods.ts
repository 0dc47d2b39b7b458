/** The names of the public methods of a service type, which is an interface or a class. */
export type MethodName<S> = {
  [K in keyof S & string]: S[K] extends (...args: never[]) => unknown ? K : never
}[keyof S & string]

/** The type of the arguments of a method: its first parameter. */
export type Arg<F> = F extends (args: infer A, ...rest: never[]) => unknown ? A : never

/** The type of the reply of a method. */
export type Out<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never
