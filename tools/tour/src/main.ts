import { parseArgs } from 'node:util'
import { Load } from './load.ts'
import { defaultRegistry, openRegistry, registryNames } from './registries.ts'
import { Screen } from './screen.ts'
import { ServerProcess } from './server-process.ts'

const usage = `usage: npm start [-- <registry>] [--seconds 8] [--concurrency 50] [--rate 0]
registries: ${registryNames.join(', ')}`

const { values, positionals } = parsed()
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const name = positionals[0] ?? (await defaultRegistry())
const seconds = Number(values.seconds)
const concurrency = Number(values.concurrency)
const rate = Number(values.rate)
const isKnown = registryNames.includes(name) && positionals.length <= 1
if (!isKnown) misused(`no registry is named ${positionals.join(' ')}`)
if (!(seconds >= 1) || !(concurrency >= 1) || !(rate >= 0))
  misused('--seconds and --concurrency take a number from 1, --rate one from 0')

const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())
process.once('SIGTERM', () => stopping.abort())

const screen = new Screen()
await using registry = await openRegistry(name)
screen.say(`${registry.title}; Arith.Mul over MessagePack, ${concurrency} calls at a time`)

await using first = await ServerProcess.start(registry.settings)
await using second = await ServerProcess.start(registry.settings)
await using third = await ServerProcess.start(registry.settings)
for (const server of [first, second, third]) screen.say(`server ${server.pid} listens at ${server.address}`)

await using discovery = registry.discovery([first, second, third].map(server => server.address))
await using load = new Load(discovery, concurrency, rate)
const timer = setInterval(() => screen.show(load.status()), screen.isLive ? 100 : 1_000)

const act = async (at: number, what: () => Promise<string>): Promise<void> => {
  await load.until(at * 1_000, stopping.signal)
  if (!stopping.signal.aborted) screen.say(await what())
}
await act(seconds / 4, async () => {
  await first.kill()
  return `killed server ${first.pid} at ${first.address} (kill -9)`
})
await act(seconds / 2, async () => {
  const wasListed = registry.settings.name !== 'multiple-servers' && load.lists(first.address)
  await first.restart()
  const again = `started it again as ${first.pid}`
  if (!wasListed) return again
  return `${again}; it was still in the list, since a list drops a crashed server only after some seconds: see --seconds 24`
})
await act(seconds, async () => 'done')
clearInterval(timer)
await load.stop()
screen.end(load.summary())
process.exitCode = load.failed === 0 ? 0 : 1

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        seconds: { type: 'string', default: '8' },
        concurrency: { type: 'string', default: '50' },
        rate: { type: 'string', default: '0' },
      },
    })
  } catch (error) {
    return misused((error as Error).message)
  }
}

function misused(why: string): never {
  console.error(`${why}\n${usage}`)
  process.exit(2)
}
