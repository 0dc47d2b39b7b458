import type { Option, Sources } from './sources.ts'

// What stands between these is written by `npm run docs`, out of the doc comments.
const PLACE = /(<!-- options: (\w+) -->)[\s\S]*?(<!-- \/options -->)/g

/** The page with its tables of options as they should be. */
export function withOptionTables(text: string, sources: Sources): string {
  return text.replace(PLACE, (_all, begin: string, name: string, end: string) => {
    const rows = sources
      .options(name)
      .map(option => `| \`${option.name}\` | ${cell(fallbackOf(option))} | ${cell(option.meaning)} |`)
    return `${begin}\n| option | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n${end}`
  })
}

/** A table of a page in another language: whose options it has, and what it says of them. */
export interface TranslatedTable {
  readonly of: string
  /** Another table has those that come from this one. */
  readonly without: string | undefined
  readonly rows: readonly Row[]
}

export function translatedTables(text: string): TranslatedTable[] {
  const tables = text.matchAll(/<!-- options of (\w+)(?: without (\w+))? -->\n((?:\|.*\n)*)/g)
  return [...tables].map(([, of = '', without, table = '']) => ({
    of,
    without,
    rows: [...table.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, option = '', fallback = '']) => ({
      option,
      fallback,
    })),
  }))
}

export interface Row {
  readonly option: string
  readonly fallback: string
}

/** As it stands in the table: a value in its unit, or words. */
export function fallbackOf({ name, isRequired, fallback }: Option): string {
  if (isRequired) return 'required'
  if (fallback === undefined) throw new Error(`the doc comment of ${name} has no @default`)
  if (!isValue(fallback)) return fallback
  return `\`${fallback}\`${name.endsWith('Ms') && /^\d/.test(fallback) ? ' ms' : ''}`
}

/** Whether it is written as in a program. */
export function isValue(fallback: string): boolean {
  return /^(-?\d[\d_.]*|'.*'|\{.*\}|true|false|Infinity)$/.test(fallback)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
