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

/** Of a page in another language: each table that says whose options it has, with what it says of them. */
export function translatedTables(text: string): { readonly name: string; readonly rows: readonly Row[] }[] {
  return [...text.matchAll(/<!-- options of (\w+) -->\n([\s\S]*?)(?=\n\n|$)/g)].map(
    ([, name = '', table = '']) => ({
      name,
      rows: [...table.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, option = '', fallback = '']) => ({
        option,
        fallback,
      })),
    }),
  )
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
