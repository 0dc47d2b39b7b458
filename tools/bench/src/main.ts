import { arch, cpus, version } from 'node:os'
import { parseArgs } from 'node:util'
import { Peer } from './peer.ts'

// Client and server of each peer are processes of their own. The peers take turns within one run, so that a machine whose
// speed drifts treats them alike; the ratio is the figure to trust.

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, ms: { type: 'string', default: '1000' } },
})
const rounds = Number(values.rounds)
const ms = Number(values.ms)
const concurrencies = [1, 10, 100, 1_000]

await using floor = await Peer.start('floor')
await using ours = await Peer.start('ours')
const peers = [floor, ours]

for (const concurrency of concurrencies) {
  for (const peer of peers) await peer.run(concurrency, ms / 2)
}
const figures = new Map(peers.map(peer => [peer, new Map(concurrencies.map(n => [n, [] as number[]]))]))
for (let round = 0; round < rounds; round++) {
  for (const concurrency of concurrencies) {
    for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
      figures
        .get(peer)
        ?.get(concurrency)
        ?.push(await peer.run(concurrency, ms))
    }
  }
}

console.log(`Node ${process.version} on ${cpus().length} × ${cpus()[0]?.model ?? arch()}, ${version()}`)
console.log(
  `581-byte raw payload, echoed over loopback TCP; calls/s, median of ${rounds} rounds (lowest–highest)\n`,
)
console.log(row('concurrent', 'bare floor', 'rpcx', 'ratio'))
for (const concurrency of concurrencies) {
  const bare = figures.get(floor)?.get(concurrency) ?? []
  const rpcx = figures.get(ours)?.get(concurrency) ?? []
  const ratios = rpcx.map((figure, i) => figure / (bare[i] ?? Number.NaN))
  console.log(row(String(concurrency), spread(bare), spread(rpcx), `${median(ratios).toFixed(2)} ×`))
}

function row(...cells: string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padStart(10) : cell.padStart(i === 3 ? 8 : 30))).join('  ')
}

function spread(figures: readonly number[]): string {
  return `${count(median(figures))} (${count(Math.min(...figures))}–${count(Math.max(...figures))})`
}

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function count(figure: number): string {
  return Math.round(figure).toLocaleString('en')
}
