import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { files, pages } from '../src/pages.ts'

const all = pages()
const anchors = new Map(all.map(page => [page.path, page.headings.map(({ anchor }) => anchor)]))
/** The address of the repository. */
const HOME = /^https:\/\/github\.com\/rpcx\/rpcx-ts\/(blob|tree)\/main\//
const paths = new Set(files('*').flatMap(withFolders))

test.each(all)('the links in $path lead to files and headings that exist', ({ path, links }) => {
  const broken = links.filter(({ target }) => !leadsSomewhere(path, target))
  expect(broken).toEqual([])
})

test('every guide and every example can be reached from the README', () => {
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { target } of all.find(page => page.path === path)?.links ?? [])
      if (!isElsewhere(target)) visit(resolve(path, target).path)
  }
  visit('README.md')
  const guides = all.map(({ path }) => path).filter(path => /^(docs|examples)\//.test(path))
  expect(guides.length).toBeGreaterThan(0)
  expect(guides.filter(path => !reached.has(path))).toEqual([])
})

function leadsSomewhere(from: string, target: string): boolean {
  if (isElsewhere(target)) return URL.canParse(target)
  const { path, anchor } = resolve(from, target)
  // A release writes these files.
  if (path.endsWith('/CHANGELOG.md')) return true
  return paths.has(path) && (anchor === undefined || (anchors.get(path)?.includes(anchor) ?? false))
}

/** Whether the link leads out of the repository. */
function isElsewhere(target: string): boolean {
  return /^[a-z]+:/.test(target) && !HOME.test(target)
}

function resolve(from: string, target: string): { path: string; anchor: string | undefined } {
  const [path = '', anchor] = decodeURI(target).split('#')
  // npm shows these pages, so they need full links.
  if (HOME.test(path)) return { path: path.replace(HOME, ''), anchor }
  return { path: path === '' ? from : posix.join(posix.dirname(from), path), anchor }
}

/** The existing files, and all folders that contain them. */
function withFolders(path: string): string[] {
  const names = path.split('/')
  return names.flatMap((_, i) => {
    const part = names.slice(0, i + 1).join('/')
    return [part, `${part}/`]
  })
}
