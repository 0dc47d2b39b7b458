import type { RpcxErrorCode } from '../../errors.ts'
import { RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import type { Schema } from '../../schema.ts'
import { isSchema, validated } from '../../schema.ts'
import type { Interceptor } from './interceptor.ts'

/** The types of arguments and replies by method. */
export type Types = Readonly<Record<string, { readonly args?: unknown; readonly reply?: unknown }>>

/** The service type that these schemas describe: `new XClient<ServiceOf<typeof types>>('Arith', discovery, { types })`. */
export type ServiceOf<T extends Types> = {
  [M in keyof T]: (args: InputOf<T[M]['args']>) => OutputOf<T[M]['reply']>
}

/** Returns an interceptor that validates arguments and replies whose type is a schema; `undefined` without schemas. */
export function schemaInterceptor(types: Types): Interceptor | undefined {
  const isNeeded = Object.values(types).some(({ args, reply }) => isSchema(args) || isSchema(reply))
  if (!isNeeded) return undefined
  return async (call, next) => {
    const name = `${call.service}.${call.method}`
    const { args, reply } = types[call.method] ?? {}
    const valid = isSchema(args)
      ? await check(args, call.args, 'ERR_RPCX_ARGUMENT', `${name}: the arguments`)
      : call.args
    const invocation = await next({ ...call, args: valid })
    if (!isSchema(reply) || call.isOneway) return invocation
    const value = await check(reply, invocation.reply, 'ERR_RPCX_CODEC', `${name}: the reply`)
    return { ...invocation, reply: value }
  }
}

type InputOf<T> = T extends Schema<infer Input, unknown> ? Input : unknown
type OutputOf<T> = T extends Schema<unknown, infer Output> ? Output : unknown

async function check(schema: Schema, value: unknown, code: RpcxErrorCode, what: string): Promise<unknown> {
  try {
    return await validated(schema, value)
  } catch (cause) {
    throw new RpcxError(code, `${what}: ${reasonOf(cause)}`, { cause })
  }
}
