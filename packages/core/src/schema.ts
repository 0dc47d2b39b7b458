import { isThenable, watchRejection } from './callbacks.ts'

/** The part of Standard Schema (standardschema.dev, version 1) that this library uses. zod, valibot, arktype and others implement it. */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validation<Output> | Promise<Validation<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

type Validation<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] }

interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Whether a type is a schema, and not a type that only a codec understands. */
export function isSchema(type: unknown): type is Schema {
  // The schemas of arktype are functions.
  return ((typeof type === 'object' && type !== null) || typeof type === 'function') && '~standard' in type
}

/** Returns the value that the schema makes of `value`. @throws Error with the path of each invalid part */
export async function validated(schema: Schema, value: unknown): Promise<unknown> {
  return outcome(await schema['~standard'].validate(value))
}

/** Validates synchronously. Accepts any value when `type` is not a schema. @throws TypeError when the schema validates asynchronously */
export function validatedNow(type: unknown, value: unknown): unknown {
  if (!isSchema(type)) return value
  const result = type['~standard'].validate(value)
  if (isThenable(result)) {
    watchRejection(result, () => {})
    throw new TypeError('a schema that validates asynchronously cannot be used here')
  }
  return outcome(result)
}

function outcome(result: Validation<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const problems = result.issues.map(({ path = [], message }) => {
    const at = path.map(step => String(typeof step === 'object' ? step.key : step)).join('.')
    return at === '' ? message : `${at}: ${message}`
  })
  throw new Error(problems.join('; '), { cause: result.issues })
}
