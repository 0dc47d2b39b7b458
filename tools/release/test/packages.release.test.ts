import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { describe, expect, inject, test } from 'vitest'
import type { Released } from '../src/dry-run.ts'

const { url } = inject('registry')
const { folder: root, packages, bills } = inject('release')

test('all packages have one version, and a changelog for it', () => {
  expect(new Set(packages.map(({ version }) => version)).size).toBe(1)
  expect(packages.map(({ changes }) => changes).join()).toMatch(/\w/)
})

test('each package has a bill of materials, of the released version', () => {
  const names = bills.map(file => basename(file))
  const wanted = packages.map(
    ({ name, version }) => `${name.replace('@', '').replace('/', '-')}-${version}.cdx.json`,
  )
  expect(names.sort()).toEqual(wanted.sort())
  const subjects = bills.map(file => JSON.parse(readFileSync(file, 'utf8')).metadata.component.purl)
  const purls = packages.map(({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`)
  expect(subjects.sort()).toEqual(purls.sort())
})

test('core takes at most 1.95 MB on the disk, with sources for debuggers and CommonJS', async () => {
  const { name, version } = packages.find(({ name }) => name === '@rpcx/core') as Released
  const bytes = Object.values(await unpacked(name, version)).reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  )
  console.log(`@rpcx/core ${version}: ${bytes} bytes`)
  expect(bytes).toBeLessThan(1_950_000)
})

describe.each(packages)('$name', ({ name, version }) => {
  test('has only the files that it needs', async () => {
    const files = Object.keys(await unpacked(name, version))
    expect(files.sort()).toEqual([
      ...['LICENSE', 'README.md', 'dist/index.cjs', 'dist/index.d.cts', 'dist/index.d.ts'],
      ...['dist/index.js', 'dist/index.js.map', 'package.json'],
    ])
  })

  test('contains the licence, word for word', async () => {
    const license = readFileSync(join(root, 'LICENSE'), 'utf8')
    expect(license).toContain('Apache License')
    expect((await unpacked(name, version)).LICENSE).toBe(license)
  })

  test('names its licence, its supported Node versions and its repository', async () => {
    const { files, exports, ...manifest } = JSON.parse((await unpacked(name, version))['package.json'] ?? '')
    expect(files).toEqual(['dist'])
    // `require` also loads the ECMAScript module where it can, so that a process has one copy.
    const [esm, cjs] = ['./dist/index.js', './dist/index.cjs']
    expect(Object.entries(exports['.'])).toEqual(
      Object.entries({ 'module-sync': esm, module: esm, bun: esm, require: cjs, default: esm }),
    )
    expect(manifest).toMatchObject({
      main: './dist/index.cjs',
      types: './dist/index.d.cts',
      description: expect.stringMatching(/^rpcx for TypeScript: /),
      keywords: expect.arrayContaining(['rpcx']),
      license: 'Apache-2.0',
      type: 'module',
      sideEffects: false,
      engines: { node: '>=20.19' },
      // npm reads this from the tarball, because a dry run has no provenance.
      publishConfig: { access: 'public', provenance: false },
      repository: {
        url: 'git+https://github.com/rpcx/rpcx-ts.git',
        directory: name.replace('@rpcx/', 'packages/'),
      },
    })
    const core = `>=${version} <${Number(version.split('.')[0]) + 1}`
    expect(manifest.peerDependencies).toEqual(name === '@rpcx/core' ? undefined : { '@rpcx/core': core })
    for (const ours of ['devDependencies', 'scripts', 'nx']) expect(manifest).not.toHaveProperty(ours)
  })

  test('contains its sources, for debuggers', async () => {
    const { sources, sourcesContent } = JSON.parse((await unpacked(name, version))['dist/index.js.map'] ?? '')
    expect(sourcesContent).toHaveLength(sources.length)
    expect(sourcesContent).not.toContain(null)
  })

  test('has a README with a program and working links', async () => {
    const readme = (await unpacked(name, version))['README.md'] ?? ''
    expect(readme.split('\n').slice(0, 12).join('\n')).toContain('npm install @rpcx/core')
    expect(readme.split('\n').slice(0, 50).join('\n')).toMatch(/```ts\n/)
    const repository = 'https://github.com/rpcx/rpcx-ts/(?:blob|tree)/main/'
    const paths = [...readme.matchAll(new RegExp(`\\]\\(${repository}(.*?)(?:#.*?)?\\)`, 'g'))].map(
      ([, path]) => path ?? '',
    )
    expect(paths.length).toBeGreaterThan(2)
    const missing = paths.filter(path => !existsSync(join(root, path)))
    expect(missing).toEqual([])
  })

  test('passes publint', async () => {
    const { messages } = await publint({ pack: { tarball: await tarball(name, version) }, strict: true })
    expect(messages).toEqual([])
  })

  test('has the types that modules and bundlers look for', async () => {
    const result = await checkPackage(
      createPackageFromTarballData(new Uint8Array(await tarball(name, version))),
    )
    if (!('problems' in result)) throw new Error('there are no types')
    expect(result.problems).toEqual([])
  })
})

/** Returns the text of each file of a package. */
async function unpacked(name: string, version: string): Promise<Record<string, string>> {
  const all = createPackageFromTarballData(new Uint8Array(await tarball(name, version)))
  const folder = `/node_modules/${name}/`
  return Object.fromEntries(all.listFiles().map(file => [file.replace(folder, ''), all.readFile(file)]))
}

async function tarball(name: string, version: string): Promise<ArrayBuffer> {
  const file = `${name}/-/${name.replace('@rpcx/', '')}-${version}.tgz`
  return (await fetch(new URL(file, url))).arrayBuffer()
}
