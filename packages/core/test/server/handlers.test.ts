import type { CallContext, HandlersOf, MethodTypes, Schema, ServiceOf } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { expect, test } from 'vitest'
import { clientOf, closing } from '../helpers.ts'

// `tsc` checks this file with all others: each line below a `@ts-expect-error` must not compile.

/** A schema as libraries make them, of which the input is a string and the output its length. */
function lengthOf(): Schema<string, number> {
  const validate = (value: unknown) =>
    typeof value === 'string' ? { value: value.length } : { issues: [{ message: 'no string' }] }
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const types = {
  measure: { args: lengthOf(), reply: lengthOf() },
  free: {},
}

/** As users write it: with a context, asynchronously, and with what is declared elsewhere. */
class Ruler implements HandlersOf<typeof types> {
  async measure(length: number, { signal }: CallContext): Promise<string> {
    signal.throwIfAborted()
    return '-'.repeat(length)
  }
  free(args: { a: number }): number {
    return args.a
  }
  undeclared(): string {
    return 'offered as well'
  }
}

// @ts-expect-error: `measure` is misspelt
class Misspelt implements HandlersOf<typeof types> {
  measrue(length: number): string {
    return '-'.repeat(length)
  }
  free(): void {}
}

class WrongArgs implements HandlersOf<typeof types> {
  // @ts-expect-error: the schema makes a number of it
  measure(text: string): string {
    return text
  }
  free(): void {}
}

class WrongReply implements HandlersOf<typeof types> {
  // @ts-expect-error: the schema of the reply takes a string
  async measure(length: number): Promise<number> {
    return length
  }
  free(): void {}
}

/** Only ever compiled. */
function registers(server: Server, dynamic: Record<string, MethodTypes>): void {
  server.registerName('Ruler', new Ruler(), '', { types })
  server.registerName('Ruler', new Ruler())
  server.registerName('Ruler', new Ruler(), 'weight=10', { methods: ['free'] })
  server.registerName('Ruler', { measure: async length => '-'.repeat(length), free: () => 1 }, '', { types })
  // @ts-expect-error: `measure` is misspelt
  server.registerName('Ruler', { measrue: () => '', free: () => 1 }, '', { types })
  // @ts-expect-error: a number is no string
  server.registerName('Ruler', { measure: (length: number) => length, free: () => 1 }, '', { types })
  // @ts-expect-error: it takes other arguments
  server.registerName('Ruler', new WrongArgs(), '', { types })
  // @ts-expect-error: a service is no number
  server.registerName('Ruler', 1)
  server.registerName('Ruler', { any: () => 1 }, '', { types: { any: { args: 'what a codec understands' } } })
  server.registerName('Ruler', { any: (args: Ruler) => args }, '', { types: { any: { args: Ruler } } })
  server.registerName('Ruler', new Ruler(), '', { types: dynamic })
  server.registerFunction('Ruler', (length: number) => '-'.repeat(length), '', { types: types.measure })
  server.registerFunction('Ruler', (args: Ruler) => args)
  // @ts-expect-error: the schema makes a number of it
  server.registerFunction('Ruler', (text: string) => text, '', { types: types.measure })
}

test('a class can implement the handlers of its schemas', async () => {
  const server = closing(new Server({ lingerMs: 50 }))
  server.registerName('Ruler', new Ruler(), '', { types })
  await server.serve('tcp', '127.0.0.1:0')
  const ruler = clientOf<ServiceOf<typeof types>>('Ruler', [server])
  expect(await ruler.call('measure', 'four')).toBe(4)
  expect(await ruler.call('free', { a: 1 })).toBe(1)
  expect(registers).toBeTypeOf('function')
})

test.each([
  ['a class', new Misspelt()],
  ['a plain object', { measrue: () => '', free: () => 1 }],
])('%s with a misspelt method is a TypeError that names both', (_what, service) => {
  const server = closing(new Server())
  expect(() => server.registerName('Ruler', service as never, '', { types })).toThrow(
    new TypeError('registerName: types.measure belongs to no method of Ruler; there are measrue, free'),
  )
  expect(WrongReply).toBeTypeOf('function')
})
