import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fallbackOf, isValue, translatedTables, withOptionTables } from '../src/options-table.ts'
import { pages, parse, root } from '../src/pages.ts'
import { Snippets } from '../src/snippets.ts'
import { Sources } from '../src/sources.ts'

const all = pages()
const sources = new Sources()
const errors = new Snippets('compiled', all, sources).errors()

const withCode = all.filter(({ blocks }) => blocks.some(({ language }) => language === 'ts'))
test.each(withCode)('the TypeScript in $path compiles', ({ path }) => {
  expect(errors.get(path)).toBeUndefined()
})

test('TypeScript that does not compile is told with its page and line', () => {
  const wrong = parse('wrong.md', '# Wrong\n\n```ts\nnew Server().serve(1)\n```\n')
  expect([...new Snippets('wrong', [wrong], sources).errors().values()].flat()).toEqual([
    expect.stringMatching(/^wrong\.md:4: Expected 2 arguments/),
  ])
})

test.each(all.filter(({ text }) => text.includes('<!-- options')))(
  'the tables of options in $path say what the doc comments say',
  ({ text }) => {
    expect(text, 'npm run docs writes them').toBe(withOptionTables(text, sources))
    for (const { name, rows } of translatedTables(text)) {
      const options = sources.options(name)
      expect(
        rows.map(({ option }) => option),
        name,
      ).toEqual(options.map(option => option.name))
      for (const [i, option] of options.entries())
        if (!option.isRequired && isValue(option.fallback ?? ''))
          expect(rows[i]?.fallback, `${name}.${option.name}`).toBe(fallbackOf(option))
    }
  },
)

test('every code of RpcxError has its cause and its cure, and no other', () => {
  const codes = sources.literals('RpcxErrorCode').sort()
  const { headings } = all.find(({ path }) => path === 'docs/errors.md') ?? { headings: [] }
  expect(headings.map(({ text }) => text).filter(text => text.startsWith('ERR_'))).toEqual(codes)
  const inComment = [...sources.comment('RpcxErrorCode').matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)
  expect(inComment).toEqual(codes)
})

test('every command that a page names is one', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  for (const { path, text } of all.filter(page => !page.path.includes('/') || page.path.startsWith('docs/')))
    for (const [, script = ''] of text.matchAll(/npm (?:run )?(start|test|(?<=run )[\w:-]+)/g))
      expect(Object.keys(scripts), `${path}: npm run ${script}`).toContain(script)
})
