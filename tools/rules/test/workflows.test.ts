import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** The rights of a job beyond reading the repository. */
const GRANTED: Readonly<Record<string, Rights>> = {
  'ci.yml/release': { contents: 'write', 'pull-requests': 'write', 'id-token': 'write' },
}

const patterns = ['.github/workflows', '.github/actions']
const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...patterns], { cwd: root })
const files = list
  .toString()
  .trim()
  .split('\n')
  .map(file => ({ file, text: readFileSync(join(root, file), 'utf8') }))

test('there are workflows', () => {
  expect(files.map(({ file }) => file)).toContain('.github/workflows/ci.yml')
})

test.each(files)(
  '$file runs nothing that others could replace, with no more rights than it needs',
  ({ file, text }) => {
    expect(faultsOf(file, text)).toEqual([])
  },
)

const fine = files.find(({ file }) => file.endsWith('/ci.yml'))?.text ?? ''

test.each([
  ['a tag in place of a commit', 'needs a full commit', (text: string) => text.replace(/@\w{40}/, '@v7')],
  ['a short commit', 'needs a full commit', (text: string) => text.replace(/(@\w{12})\w{28}/, '$1')],
  [
    'a step in one line',
    'needs a full commit',
    (text: string) => text.replace('- run: .ci/run static', '- { "uses": actions/cache@v4 }'),
  ],
  ['a pin without its version', 'needs a full commit', (text: string) => text.replace(/ # v\S+/, '')],
  ['no rights at the top', 'the workflow may do', (text: string) => text.replace(/^permissions:\n.*\n/m, '')],
  [
    'all rights at the top',
    'the workflow may do',
    (text: string) => text.replace(/contents: read/, 'contents: write'),
  ],
  [
    'all rights in a word',
    'the workflow may do',
    (text: string) => text.replace(/^permissions:\n.*\n/m, 'permissions: write-all\n'),
  ],
  [
    'more rights for a job',
    'release may do',
    (text: string) => text.replace('id-token: write', '$&\n      packages: write'),
  ],
  [
    'a job that may do more',
    'check may do',
    (text: string) => text.replace('  check:', '$&\n    permissions: write-all'),
  ],
  [
    'a job without a limit',
    'check has no timeout',
    (text: string) => text.replace(/( {2}check:\n[\s\S]*?) *timeout-minutes: \d+\n/, '$1'),
  ],
  [
    'credentials that stay',
    'keeps credentials',
    (text: string) => text.replace('persist-credentials: false', 'fetch-depth: 1'),
  ],
  [
    'a trigger with the rights of main',
    'pull_request_target',
    (text: string) => text.replace('pull_request:', 'pull_request_target:'),
  ],
  [
    'that trigger as a word',
    'pull_request_target',
    (text: string) => text.replace(/^on:\n(?: .*\n)*/m, 'on: pull_request_target\n'),
  ],
  [
    'text that others wrote in a script',
    'expression',
    (text: string) => text.replace('run: .ci/run static', ['run: echo $', '{{ github.head_ref }}'].join('')),
  ],
] as const)('finds %s', (_name, fault, edit) => {
  const text = edit(fine)
  expect(text).not.toBe(fine)
  expect(faultsOf('.github/workflows/ci.yml', text).join('\n')).toContain(fault)
})

type Rights = Readonly<Record<string, string>>

interface Workflow {
  readonly on?: string | readonly string[] | Readonly<Record<string, unknown>>
  readonly permissions?: unknown
  readonly jobs?: Readonly<Record<string, Job>>
  /** The steps, if this is an action of this repository. */
  readonly runs?: { readonly steps?: readonly Step[] }
}

interface Job {
  readonly permissions?: unknown
  readonly 'timeout-minutes'?: unknown
  readonly steps?: readonly Step[]
  /** The workflow that this job calls. */
  readonly uses?: string
}

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

function faultsOf(file: string, text: string): string[] {
  const { on, permissions, jobs = {}, runs }: Workflow = parse(text)
  const isWorkflow = file.includes('/workflows/')
  const steps = [...Object.values(jobs), runs ?? {}].flatMap(({ steps = [] }) => steps)
  return [
    ...unpinned(
      text,
      [...Object.values(jobs), ...steps].flatMap(({ uses = [] }) => uses),
    ),
    ...(JSON.stringify(on ?? '').includes('pull_request_target') ? ['runs on pull_request_target'] : []),
    ...(isWorkflow && !isReading(permissions) ? [`the workflow may do ${JSON.stringify(permissions)}`] : []),
    ...Object.entries(jobs).flatMap(([name, job]) => faultsOfJob(`${file.split('/').at(-1)}/${name}`, job)),
    ...steps.filter(keepsCredentials).map(({ uses }) => `${uses} keeps credentials`),
    // The expression's value becomes part of the script. Scripts must read it from `env` instead.
    ...steps
      .filter(({ run = '' }) => run.includes('${{'))
      .map(({ run }) => `an expression is in the script ${run}`),
  ]
}

/** Each third-party action is named by its commit, with its version in a comment. */
function unpinned(text: string, used: readonly string[]): string[] {
  const lines = text.split('\n').filter(line => /\buses:/.test(line))
  const isPinned = /^ *(- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/
  const wrong = lines.filter(line => !isPinned.test(line) && !/uses: \.\//.test(line))
  const unseen = used.filter(action => !lines.some(line => line.includes(`uses: ${action}`)))
  return [...wrong, ...unseen].map(line => `${line.trim()} needs a full commit and its version`)
}

function faultsOfJob(id: string, job: Job): string[] {
  const granted = JSON.stringify(sorted(GRANTED[id] ?? {}))
  const { permissions } = job
  const isAllowed =
    permissions === undefined || isReading(permissions) || JSON.stringify(sorted(permissions)) === granted
  return [
    ...(isAllowed ? [] : [`${id} may do ${JSON.stringify(permissions)}`]),
    ...(typeof job['timeout-minutes'] === 'number' ? [] : [`${id} has no timeout`]),
  ]
}

function isReading(permissions: unknown): boolean {
  return ['{"contents":"read"}', '{}'].includes(JSON.stringify(permissions))
}

function sorted(permissions: unknown): unknown {
  if (typeof permissions !== 'object' || permissions === null) return permissions
  return Object.fromEntries(Object.entries(permissions).sort())
}

function keepsCredentials({ uses = '', with: options = {} }: Step): boolean {
  return uses.startsWith('actions/checkout@') && options['persist-credentials'] !== false
}
