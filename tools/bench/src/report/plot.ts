import { median } from '../figures.ts'
import type { Row } from '../row.ts'

/** Returns an SVG with the calls per second of all contestants, as bars on a logarithmic scale. */
export function plot(rows: readonly Row[]): string {
  const compared = rows.filter(({ figures }) => 'grpc-js' in figures && 'http' in figures)
  const groups = compared.map(({ work, figures }) => ({
    work,
    bars: Object.entries(figures)
      .map(([name, all]) => ({ name, perSecond: median(all) }))
      .sort((a, b) => b.perSecond - a.perSecond),
  }))
  let height = 0
  const parts = groups.flatMap(({ work, bars }) => {
    const top = height + TITLE
    height = top + bars.length * BAR
    const title = `<text x="0" y="${top - 8}" font-weight="bold">${work}</text>`
    return [title, ...bars.map(({ name, perSecond }, i) => row(name, perSecond, top + i * BAR))]
  })
  const style = 'font-family="system-ui, sans-serif" font-size="13"'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height + 8}" ${style}>
<title>Calls per second, on a logarithmic scale</title>
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`
}

function row(name: string, perSecond: number, y: number): string {
  // From 100 to 2 million calls per second.
  const width = Math.max((Math.log10(perSecond / 100) / Math.log10(20_000)) * (WIDTH - LEFT - RIGHT), 1)
  const colour =
    name === 'rpcx' ? '#2563eb' : ['floor', 'promised', 'tcp'].includes(name) ? '#d4d4d8' : '#94a3b8'
  const text = Math.round(perSecond).toLocaleString('en')
  return [
    `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${name}</text>`,
    `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR - 4}" fill="${colour}"/>`,
    `<text x="${(LEFT + width + 6).toFixed(1)}" y="${y + 14}">${text}</text>`,
  ].join('')
}

const WIDTH = 760
const LEFT = 90
const RIGHT = 90
const BAR = 20
const TITLE = 34
