import { median } from '../figures.ts'
import type { Row } from '../row.ts'
import { isMet, ratioOf } from '../row.ts'

/** Returns two Markdown tables: the measured figures, and their ratios beside the targets. */
export function tables(rows: readonly Row[]): string {
  const figures = rows.map(row => [row.work, row.unit, Object.entries(row.figures).map(cell).join('<br>')])
  const targets = rows.flatMap(row =>
    row.targets.map(target => {
      const { of, to, atLeast, atMost } = target
      const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`
      const verdict = isMet(row, target) ? 'met' : '**not met**'
      return [row.work, `${of} to ${to}`, `${number(ratioOf(row, target))} ×`, `${bound} ×`, verdict]
    }),
  )
  return [
    table(['workload', 'unit', 'median (lowest–highest)'], figures),
    table(['workload', 'ratio of', 'measured', 'target', 'result'], targets),
  ].join('\n')
}

function cell([name, figures]: [string, readonly number[]]): string {
  if (new Set(figures).size === 1) return `${name} ${number(median(figures))}`
  return `${name} ${number(median(figures))} (${number(Math.min(...figures))}–${number(Math.max(...figures))})`
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...body]
  return lines.map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

function number(figure: number): string {
  const digits = Math.abs(figure) >= 100 ? 0 : Math.abs(figure) >= 10 ? 1 : 2
  return figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
