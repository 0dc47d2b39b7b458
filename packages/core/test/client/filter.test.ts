import { describe, expect, test } from 'vitest'
import { mayBeCalled } from '../../src/client/select/filter.ts'
import { parseEndpoint } from '../../src/discovery/discovery.ts'
import { vectors } from '../vectors.ts'

describe('the filters of a client keep the same servers as in Go', () => {
  for (const { group, servers, kept } of vectors.filter.vectors) {
    // Go treats an empty group as no group.
    const wanted = group === '' ? undefined : group
    const endpoints = Object.entries(servers).map(([name, metadata]) =>
      parseEndpoint(`tcp@${name}`, metadata),
    )

    test(group === '' ? 'of no group' : `of group ${group}`, () => {
      const ours = endpoints
        .filter(endpoint => mayBeCalled(endpoint, wanted))
        .map(({ address }) => address.slice('tcp@'.length))
      expect(ours.sort()).toEqual([...kept].sort())
    })
  }

  test('vectors are complete', () => expect(vectors.filter.vectors).toHaveLength(4))
})
