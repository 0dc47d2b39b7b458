import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fallbackOf, isValue, translatedTables, withOptionTables } from '../src/options-table.ts'
import { pages, parse, root } from '../src/pages.ts'
import { nameOf, Snippets } from '../src/snippets.ts'
import { Sources } from '../src/sources.ts'
import { stepsOf } from '../src/steps.ts'

const all = pages()
const sources = new Sources()
const errors = new Snippets('compiled', all, sources).errors()

const withCode = all.filter(({ blocks }) => blocks.some(({ language }) => language === 'ts'))
test.each(withCode)('the TypeScript in $path compiles', ({ path }) => {
  expect(errors.get(path)).toBeUndefined()
})

test('TypeScript that does not compile is reported with its page and line', () => {
  const wrong = parse('wrong.md', '# Wrong\n\n```ts\nnew Server().serve(1)\n```\n')
  expect([...new Snippets('wrong', [wrong], sources).errors().values()].flat()).toEqual([
    expect.stringMatching(/^wrong\.md:4: Expected 2 arguments/),
  ])
})

test.each(all.filter(({ text }) => text.includes('<!-- options: ')))(
  'the tables of options in $path equal the doc comments',
  ({ text }) => {
    expect(text, 'npm run docs writes them').toBe(withOptionTables(text, sources))
  },
)

test('the Chinese tables have the same options, with the same defaults', () => {
  const tables = all.flatMap(({ text }) => translatedTables(text))
  expect(tables.length).toBeGreaterThan(0)
  for (const { of, without, rows } of tables) {
    const elsewhere = without === undefined ? [] : sources.options(without).map(({ name }) => name)
    const options = sources.options(of).filter(({ name }) => !elsewhere.includes(name))
    const names = options.map(({ name }) => name)
    expect(rows.map(({ option }) => option).sort(), of).toEqual(names.sort())
    for (const option of options) {
      const said = rows.find(row => row.option === option.name)?.fallback
      if (option.isRequired) expect(said, `${of}.${option.name}`).toBe('必填')
      else if (isValue(option.fallback ?? '')) expect(said, `${of}.${option.name}`).toBe(fallbackOf(option))
    }
  }
})

test('the list of events has every event', () => {
  const { text = '' } = all.find(({ path }) => path === 'docs/troubleshooting.md') ?? {}
  for (const [who, of] of [
    ['the server', 'ServerEvents'],
    ['the discovery', 'DiscoveryEvents'],
    ['the cached discovery', 'CachedDiscoveryEvents'],
    ['the client', 'ClientEvents'],
  ] as const) {
    const row = text.split('\n').find(line => line.startsWith(`| ${who} |`)) ?? ''
    const listed = [...row.matchAll(/`(\w+)`/g)].map(([, event]) => event).sort()
    expect(listed, of).toEqual(
      sources
        .options(of)
        .map(({ name }) => name)
        .sort(),
    )
  }
})

test('the list of errors has every code of RpcxError, with its cause and what to do, and no other', () => {
  const codes = sources.literals('RpcxErrorCode').sort()
  const { headings } = all.find(({ path }) => path === 'docs/errors.md') ?? { headings: [] }
  expect(headings.map(({ text }) => text).filter(text => text.startsWith('ERR_'))).toEqual(codes)
  const inComment = [...sources.comment('RpcxErrorCode').matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)
  expect(inComment.sort()).toEqual(codes)
})

const withPrograms = all.filter(page => stepsOf(page).length > 0)

test.each(withPrograms)(
  '$path installs what its programs need, in a folder of ECMAScript modules, before it runs them',
  ({ text }) => {
    expect(text.replaceAll(/ +#.*/g, '')).toMatch(
      /```sh\nnpm install @rpcx\/core .*\btsx\nnpm pkg set type=module\n[\s\S]*?^(npx tsx|node --import tsx) \w+\.ts$/m,
    )
  },
)

test.each(withPrograms)(
  '$path starts the programs that signals close without npx, which passes no signal on',
  page => {
    for (const { runner, file } of stepsOf(page)) {
      const { code = '' } = page.blocks.find(block => nameOf(block) === file) ?? {}
      expect(runner, file).toBe(code.includes('closeOn') ? 'node --import tsx' : 'npx tsx')
    }
  },
)

test('every command on a page exists', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  for (const { path, text } of all.filter(page => !page.path.includes('/') || page.path.startsWith('docs/')))
    for (const [, script = ''] of text.matchAll(/npm (?:run )?(start|test|(?<=run )[\w:-]+)/g))
      expect(Object.keys(scripts), `${path}: npm run ${script}`).toContain(script)
})
