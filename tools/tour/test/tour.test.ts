import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { requireServer } from '@rpcx/servers'
import { expect, test } from 'vitest'
import { loopbackCarriesMulticast } from '../src/multicast.ts'

const run = promisify(execFile)

test('without a named registry, the tour uses multicast DNS where that works, and says so', async () => {
  const said = await tour('', '5')
  const works = await loopbackCarriesMulticast()
  expect(said).toMatch(works ? /announce themselves by multicast DNS/ : /MultipleServers/)
  expect(said).toMatch(/started it again as \d+/)
  if (works) expect(said).toMatch(/failed {2}2 endpoints|it was still in the list/)
  expect(said).toMatch(/calls made, 0 failed/)
})

test('over multicast DNS, the killed server leaves the list and comes back', async () => {
  const said = await tour('mdns', '14')
  expect(said).toMatch(/failed {2}2 endpoints/)
  expect(said).toMatch(/calls made, 0 failed/)
}, 180_000)

test.concurrent('over a fixed list, no call fails while a server is killed and started again', async () => {
  const said = await tour('multiple-servers', '3')
  expect(said).toMatch(/killed server \d+ at tcp@127\.0\.0\.1:\d+/)
  expect(said).toMatch(/started it again as \d+/)
  expect(said).toMatch(/calls made, 0 failed/)
}, 180_000)

test.runIf(await requireServer('etcd')).concurrent(
  'over etcd, the killed server leaves the list and comes back',
  async () => {
    const said = await tour('etcd', '12')
    expect(said).toMatch(/failed {2}2 endpoints/)
    expect(said).toMatch(/started it again as \d+/)
    expect(said).toMatch(/calls made, 0 failed/)
  },
  180_000,
)

test.runIf(await requireServer('zookeeper')).concurrent(
  'over ZooKeeper, the killed server leaves the list and comes back',
  async () => {
    const said = await tour('zookeeper', '12')
    expect(said).toMatch(/failed {2}2 endpoints/)
    expect(said).toMatch(/started it again as \d+/)
    expect(said).toMatch(/calls made, 0 failed/)
  },
  180_000,
)

test.runIf(await requireServer('consul')).concurrent(
  'over Consul, the killed server leaves the list and comes back',
  async () => {
    const said = await tour('consul', '12')
    expect(said).toMatch(/failed {2}2 endpoints/)
    expect(said).toMatch(/started it again as \d+/)
    expect(said).toMatch(/calls made, 0 failed/)
  },
  180_000,
)

test('--help prints the usage, and a mistake prints it after what is wrong', async () => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const start = ['--conditions=@rpcx/source', '--import', 'tsx', main]
  expect((await run(process.execPath, [...start, '--help'])).stdout).toMatch(/^usage: npm start/)
  for (const [argument, why] of [
    ['--loud', /^Unknown option '--loud'.*\nusage: /],
    ['redis', /^no registry is named redis\nusage: /],
    ['--seconds=soon', /^--seconds .*\nusage: /],
  ] as const)
    await expect(run(process.execPath, [...start, argument])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(why),
    })
})

async function tour(registry: string, seconds: string): Promise<string> {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const args = [
    '--conditions=@rpcx/source',
    '--import',
    'tsx',
    main,
    ...(registry === '' ? [] : [registry]),
    '--seconds',
    seconds,
    // The tests beside this one need the processors, too.
    '--rate',
    '500',
  ]
  const { stdout } = await run(process.execPath, args).catch(error => {
    // What it printed says which calls failed.
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error })
  })
  return stdout
}
