import type { Option, Sources } from './sources.ts'

// `npm run docs` writes the text between these marks from the doc comments.
const PLACE = /(<!-- options: (\w+) -->)[\s\S]*?(<!-- \/options -->)/g

/** Returns the page with up-to-date tables of options. */
export function withOptionTables(text: string, sources: Sources): string {
  return text.replace(PLACE, (_all, begin: string, name: string, end: string) => {
    const rows = sources
      .options(name)
      .map(option => `| \`${option.name}\` | ${cell(fallbackOf(option))} | ${cell(option.meaning)} |`)
    return `${begin}\n| option | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n${end}`
  })
}

/** A table of a page in another language: its interface and its texts. */
export interface TranslatedTable {
  readonly of: string
  /** Another table has the options that come from this interface. */
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

/** Formats a default for the table: a value with its unit, or words. */
export function fallbackOf({ name, isRequired, fallback }: Option): string {
  if (isRequired) return 'required'
  if (fallback === undefined) throw new Error(`the doc comment of ${name} has no @default`)
  if (!isValue(fallback)) return fallback
  return `\`${fallback}\`${name.endsWith('Ms') && /^\d/.test(fallback) ? ' ms' : ''}`
}

/** Whether the text is code. */
export function isValue(fallback: string): boolean {
  return /^(-?\d[\d_.]*|'.*'|\{.*\}|true|false|Infinity)$/.test(fallback)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
