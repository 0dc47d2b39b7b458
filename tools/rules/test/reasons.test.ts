import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const packages = fileURLToPath(new URL('../../../packages/', import.meta.url))

// An error of the system, of a library or of the program may have an empty text, or be no error at all.
const BARE =
  /\$\{(?:[^}]*\b(?:cause|error|thrown|lastError|reason)\b[^}]*\.message|String\([^}]*|(?:cause|error|thrown))\}/

test.each([
  ['(cause as Error).message', true],
  ['node.lastError?.message', true],
  ['String(error)', true],
  ['error', true],
  ['reasonOf(cause)', false],
])('the rule judges a template with %s as expected', (inside, isFound) => {
  expect(BARE.test(`\`what: \${${inside}}\``)).toBe(isFound)
})

test('no message ends in the message of an error that may be empty: reasonOf() is used', () => {
  const sources = readdirSync(packages).flatMap(name =>
    readdirSync(`${packages}${name}/src`, { recursive: true, encoding: 'utf8' }).map(
      path => `${name}/src/${path}`,
    ),
  )
  const found = sources
    .filter(path => path.endsWith('.ts') && path !== 'core/src/reason.ts')
    .flatMap(path => {
      const lines = readFileSync(`${packages}${path}`, 'utf8').split('\n')
      return lines.flatMap((line, i) => (BARE.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []))
    })
  expect(sources.length).toBeGreaterThan(100)
  expect(found).toEqual([])
})
