import { parseAddress } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { formatHostPort, parseHostPort } from '../src/address.ts'
import { vectors } from './vectors.ts'

const addressError: unknown = expect.objectContaining({ name: 'RpcxError', code: 'ERR_RPCX_ADDRESS' })

describe('an address', () => {
  // Go goes on with an empty network or host and fails when it dials.
  const refused = ['@127.0.0.1:1', 'tcp@', '']

  for (const vector of vectors.address.vectors) {
    const text = JSON.stringify(vector.in)
    if (refused.includes(vector.in)) {
      test(`is rejected at once: ${text}`, () => {
        expect(vector.network === '' || vector.address === '').toBe(true)
        expect(() => parseAddress(vector.in)).toThrow(addressError)
      })
    } else {
      test(`is split as in Go: ${text}`, () => {
        expect(parseAddress(vector.in)).toEqual({ network: vector.network, host: vector.address })
      })
    }
  }

  test('vectors are complete', () => {
    expect(vectors.address.vectors).toHaveLength(16)
    expect(vectors.address.vectors.map(vector => vector.in)).toEqual(expect.arrayContaining(refused))
  })
})

describe('a host and a port', () => {
  const pairs = {
    '127.0.0.1:8972': { host: '127.0.0.1', port: 8972 },
    'example.org:1': { host: 'example.org', port: 1 },
    ':8972': { host: '', port: 8972 },
    'h:0': { host: 'h', port: 0 },
    'h:65535': { host: 'h', port: 65_535 },
    'h:00080': { host: 'h', port: 80 },
    '[::1]:8972': { host: '::1', port: 8972 },
    '[::]:0': { host: '::', port: 0 },
    '[fe80::1%eth0]:8972': { host: 'fe80::1%eth0', port: 8972 },
  }

  for (const [text, expected] of Object.entries(pairs)) {
    test(`are read from ${text}`, () => expect(parseHostPort(text)).toEqual(expected))
  }

  test('are written in the form in which they are read', () => {
    for (const [text, { host, port }] of Object.entries(pairs)) {
      if (text !== 'h:00080') expect(formatHostPort(host, port)).toBe(text)
    }
  })

  const broken = [
    '',
    'h',
    '127.0.0.1',
    'h:',
    'h:http',
    'h:-1',
    'h:+1',
    'h:1.5',
    'h:80 ',
    'h:65536',
    'h:99999',
  ]
  const brokenIpv6 = [
    '::1',
    '::1:8972',
    '[::1]',
    '[::1]8972',
    '[::1:8972',
    '[::1]:',
    '[::1]:65536',
    '[[::1]]:1',
  ]

  for (const text of [...broken, ...brokenIpv6, 'h:100000000000', 'h:8972\n']) {
    test(`are rejected: ${JSON.stringify(text)}`, () => {
      expect(() => parseHostPort(text)).toThrow(addressError)
    })
  }
})
