import type { CallContext, Invocation, MethodName, OneClient } from '@rpcx/core'
import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import { expect, expectTypeOf, test } from 'vitest'

// `tsc` checks this file with all others: each line below a `@ts-expect-error` must not compile.

interface Args {
  A: number
  B: number
}

interface ArithService {
  Mul(args: Args): { C: number }
  Later(args: Args, context: CallContext): Promise<string>
  Ping(): string
  Maybe(args?: Args): void
  readonly version: string
}

class Arith {
  readonly field: number = 1
  Mul({ A, B }: Args): { C: number } {
    return { C: this.product(A, B) }
  }
  async Later(_args: Args, _context: CallContext): Promise<string> {
    return 'later'
  }
  protected guarded(): void {}
  private product(a: number, b: number): number {
    return a * b
  }
  #hidden(): void {
    this.#hidden()
  }
}

/** Only ever compiled. */
function uses(arith: XClient<ArithService>, ofClass: XClient<Arith>): void {
  expectTypeOf(arith.call('Mul', { A: 1, B: 2 })).toEqualTypeOf<Promise<{ C: number }>>()
  expectTypeOf(arith.call('Later', { A: 1, B: 2 })).toEqualTypeOf<Promise<string>>()
  expectTypeOf(arith.invoke('Later', { A: 1, B: 2 })).toEqualTypeOf<Promise<Invocation<string>>>()
  expectTypeOf(arith.notify('Mul', { A: 1, B: 2 })).toEqualTypeOf<Promise<void>>()
  expectTypeOf(arith.call('Ping')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(arith.call('Ping', undefined, { timeoutMs: 1 })).toEqualTypeOf<Promise<string>>()
  expectTypeOf(arith.call('Maybe')).toEqualTypeOf<Promise<void>>()
  expectTypeOf(arith.call('Maybe', { A: 1, B: 2 })).toEqualTypeOf<Promise<void>>()

  // @ts-expect-error: there is no such method
  arith.call('Div', { A: 1, B: 2 })
  // @ts-expect-error: a property is no method
  arith.call('version')
  // @ts-expect-error: an argument is missing
  arith.call('Mul')
  // @ts-expect-error: a field is missing
  arith.call('Mul', { A: 1 })
  // @ts-expect-error: a field has another type
  arith.call('Mul', { A: 1, B: '2' })
  // @ts-expect-error: a field is too many
  arith.call('Mul', { A: 1, B: 2, C: 3 })
  // @ts-expect-error: there is no such option
  arith.call('Mul', { A: 1, B: 2 }, { timeout: 1 })
  // @ts-expect-error: neither is there for a one-way call
  arith.notify('Div')
  // @ts-expect-error: nor for all that is known of it
  arith.invoke('Mul')

  expectTypeOf(ofClass.call('Mul', { A: 1, B: 2 })).toEqualTypeOf<Promise<{ C: number }>>()
  expectTypeOf(ofClass.call('Later', { A: 1, B: 2 })).toEqualTypeOf<Promise<string>>()
  // @ts-expect-error: a private method is not offered
  ofClass.call('product', 1)
  // @ts-expect-error: nor is a protected one
  ofClass.call('guarded')
  // @ts-expect-error: nor one that is hidden by its name
  ofClass.call('#hidden')
  // @ts-expect-error: a field is no method
  ofClass.call('field')

  // @ts-expect-error: no such fail mode
  new XClient('Arith', new Peer2PeerDiscovery('tcp@a:1'), { failMode: 'failsafe' })
  // @ts-expect-error: no such codec
  new XClient('Arith', new Peer2PeerDiscovery('tcp@a:1'), { codec: 'xml' })
  // @ts-expect-error: a service is no number
  new XClient<number>('Arith', new Peer2PeerDiscovery('tcp@a:1'))
}

/** Only ever compiled. */
function usesOne(one: OneClient<{ Arith: ArithService; Class: Arith }>, any: OneClient): void {
  expectTypeOf(one.call('Arith', 'Mul', { A: 1, B: 2 })).toEqualTypeOf<Promise<{ C: number }>>()
  expectTypeOf(one.call('Arith', 'Ping')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(one.invoke('Class', 'Later', { A: 1, B: 2 })).toEqualTypeOf<Promise<Invocation<string>>>()
  expectTypeOf(one.service('Class').call('Mul', { A: 1, B: 2 })).toEqualTypeOf<Promise<{ C: number }>>()
  expectTypeOf(any.call('Any', 'method', 1, { timeoutMs: 1 })).toEqualTypeOf<Promise<unknown>>()
  expectTypeOf(any.service<ArithService>('Arith').call('Ping')).toEqualTypeOf<Promise<string>>()

  // @ts-expect-error: there is no such service
  one.call('Nope', 'Mul', { A: 1, B: 2 })
  // @ts-expect-error: there is no such service to see
  one.service('Nope')
  // @ts-expect-error: the service has no such method
  one.call('Arith', 'Div', { A: 1, B: 2 })
  // @ts-expect-error: an argument is missing
  one.notify('Arith', 'Mul')
  // @ts-expect-error: whoever opened the connections closes them
  one.service('Arith').close()
}

test('the methods of a service are the public ones of its type', () => {
  expectTypeOf<MethodName<ArithService>>().toEqualTypeOf<'Mul' | 'Later' | 'Ping' | 'Maybe'>()
  expectTypeOf<MethodName<Arith>>().toEqualTypeOf<'Mul' | 'Later'>()
  expect(uses).toBeTypeOf('function')
  expect(usesOne).toBeTypeOf('function')
})
