import { parseRegistryHosts } from '@rpcx/core'
import { describe, expect, test } from 'vitest'

const parse = (value: unknown): unknown => parseRegistryHosts('reg', 'regServers', value as string)

describe('the servers of a registry', () => {
  test('may be one or several, by name or by IP address', () => {
    expect(parse('127.0.0.1:2181')).toEqual([{ text: '127.0.0.1:2181', host: '127.0.0.1', port: 2181 }])
    expect(parse(['zoo-2.local:1', '[::1]:65535'])).toEqual([
      { text: 'zoo-2.local:1', host: 'zoo-2.local', port: 1 },
      { text: '[::1]:65535', host: '::1', port: 65_535 },
    ])
  })

  test.each([
    undefined,
    '',
    [[]],
    [['a:1', 'b']],
    'http://a:1',
    'a:1/chroot',
    'a:1,b:2',
    'a:0',
    'a:65536',
    '::1:1',
    '[::1]',
    [[7]],
  ])('are rejected, and named, when invalid: %j', value => {
    expect(() => parse(value)).toThrow(TypeError)
    expect(() => parse(value)).toThrow(
      `reg: regServers is ${JSON.stringify(value)}, not one or more host:port`,
    )
  })

  test('are rejected without showing the password of a URL', () => {
    for (const value of ['http://me:s3cret@a:1', ['a:1', 'https://me:s3cret@b:1/x']]) {
      expect(() => parse(value)).toThrow('//[credentials]@')
      expect(() => parse(value)).not.toThrow('s3cret')
    }
  })
})
