import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import GithubSlugger from 'github-slugger'
import MarkdownIt from 'markdown-it'

/** The folder of the repository, with a trailing slash. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url))

/** A file of Markdown, read as GitHub reads it. */
export interface Page {
  /** The path relative to the repository, such as `docs/etcd.md`. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  readonly links: readonly Link[]
  readonly headings: readonly Heading[]
}

/** A block of code. */
export interface Block {
  /** The language after the fence, such as `ts`. */
  readonly language: string
  readonly code: string
  /** The number of its first line of code, from 1. */
  readonly line: number
}

export interface Link {
  readonly target: string
  readonly line: number
}

export interface Heading {
  readonly text: string
  /** The anchors that links may use after the `#`. */
  readonly anchor: string
}

/** Every page of the repository, including uncommitted ones. */
export function pages(): Page[] {
  return files('*.md')
    .filter(path => !GENERATED.test(path))
    .map(path => parse(path, readFileSync(root + path, 'utf8')))
}

// Without changesets, changelogs and API reports.
const GENERATED = /^\.changeset\/|CHANGELOG\.md$|\.api\.md$/

/** Returns the matching files of the repository, without ignored and deleted ones. */
export function files(...patterns: readonly string[]): string[] {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const git = (args: readonly string[]): string[] =>
    execFileSync('git', [...args, '--', ...patterns], { cwd: root, encoding: 'utf8' }).split('\0')
  const deleted = new Set(git(['ls-files', '-z', '--deleted']))
  return git(list).filter(path => path !== '' && !deleted.has(path))
}

export function parse(path: string, text: string): Page {
  const blocks: Block[] = []
  const links: Link[] = []
  const headings: Heading[] = []
  const slugs = new GithubSlugger()
  const tokens = markdown.parse(text, {})
  for (const [i, token] of tokens.entries()) {
    const line = (token.map?.[0] ?? 0) + 1
    if (token.type === 'fence')
      blocks.push({ language: token.info.trim(), code: token.content, line: line + 1 })
    for (const child of token.children ?? []) {
      const target = child.attrGet(child.type === 'image' ? 'src' : 'href')
      if (target !== null) links.push({ target, line })
    }
    if (tokens[i - 1]?.type === 'heading_open') {
      const said = (token.children ?? []).map(child => child.content).join('')
      headings.push({ text: said, anchor: slugs.slug(said) })
    }
  }
  return { path, text, blocks, links, headings }
}

const markdown = new MarkdownIt({ html: true })
