import { expect, test } from 'vitest'
import { hideSecret } from '../src/hide-secret.ts'

test.each([
  ['hunter2!', 'wrong password xhunter2!x', 'wrong password x[password]x'],
  ['b', 'authentication is not enabled for b', 'authentication is not enabled for [password]'],
  ['a.c', 'abc is not a.c', 'abc is not [password]'],
  ['$&', 'not $&', 'not [password]'],
  ['', 'nothing to hide', 'nothing to hide'],
])('the secret %j is hidden in %j', (secret, text, hidden) => {
  expect(hideSecret(text, secret, '[password]')).toBe(hidden)
})
