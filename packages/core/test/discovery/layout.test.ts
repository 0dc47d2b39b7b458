import { Layout } from '@rpcx/core'
import { describe, expect, test } from 'vitest'

describe('the layout of entries', () => {
  test.each([
    ['/x', '/x', '/x', 'x'],
    ['x', 'x', '/x', 'x'],
    ['//x//y/', '/x/y', '/x/y', 'x/y'],
    ['x//', 'x', '/x', 'x'],
  ])('%s: as given %s, with a slash %s, without one %s', (basePath, given, slash, bare) => {
    expect(new Layout('tree', basePath).base).toBe(given)
    expect(new Layout('tree', basePath, 'slash').base).toBe(slash)
    expect(new Layout('tree', basePath, 'bare').base).toBe(bare)
  })

  test('is the one that Go writes: the base path, then the service, then the entry', () => {
    const layout = new Layout('tree', '/rpcx')
    expect(layout.leaf('Arith', 'tcp@127.0.0.1:1')).toBe('/rpcx/Arith/tcp@127.0.0.1:1')
    expect(layout.directories('Arith')).toEqual([
      ['/rpcx', 'rpcx_path'],
      ['/rpcx/Arith', 'Arith'],
    ])
  })

  test('reads both spellings, ours first', () => {
    expect(new Layout('tree', '/rpcx').prefixes('Arith')).toEqual(['/rpcx/Arith/', 'rpcx/Arith/'])
    expect(new Layout('tree', 'rpcx').prefixes('Arith')).toEqual(['rpcx/Arith/', '/rpcx/Arith/'])
  })

  test.each(['', '/', '///'])('rejects the base path %j', basePath => {
    expect(() => new Layout('tree', basePath)).toThrow(TypeError)
    expect(() => new Layout('tree', basePath)).toThrow(`tree: basePath is ${JSON.stringify(basePath)}`)
  })

  test('rejects a missing base path', () => {
    expect(() => new Layout('tree', undefined as never)).toThrow('tree: basePath is undefined, not a string')
  })
})
