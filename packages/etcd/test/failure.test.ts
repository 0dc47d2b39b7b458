import { expect, test } from 'vitest'
import { isAnswer } from '../src/failure.ts'

test.each([
  ['etcdserver: permission denied', true],
  ['etcdserver: requested lease not found', true],
  // Since 3.6 with another status. Another member can answer.
  ['etcdserver: rpc not supported for learner', false],
  ['etcdserver: not supported for learner', false],
])('%s is a response of etcd: %s', (message, isOne) => {
  expect(isAnswer(new Error(message))).toBe(isOne)
})
