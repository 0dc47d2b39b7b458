import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { beforeAll, describe, expect, test } from 'vitest'
import { billOfMaterials } from '../src/bill.ts'
import { publishedPackages } from '../src/dependencies.ts'
import { run } from '../src/run.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const published = publishedPackages(root)
let faultsOf: (bill: unknown) => string[]
let needed: Map<string, string[]>

beforeAll(async () => {
  needed = await listed()
  const library = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')
  const schema = async (name: string): Promise<object> =>
    JSON.parse(await readFile(join(library, `../res/schema/${name}.SNAPSHOT.schema.json`), 'utf8'))
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv)
  // No bill has one: no name or address of a person is in it.
  ajv.addFormat('idn-email', () => false)
  ajv.addFormat('iri-reference', true)
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(await schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
  const validate = ajv.compile(await schema('bom-1.6'))
  faultsOf = bill => {
    validate(bill)
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
})

test('the schema can reject', () => {
  const bill = JSON.parse(billOfMaterials(published[0] as (typeof published)[0]))
  bill.metadata.component.licenses[0].license.id = 'Apache 2'
  expect(faultsOf(bill).join()).toContain('/metadata/component/licenses/0/license/id must be')
})

describe.each(published)('the bill of $manifest.name', ({ manifest, ...rest }) => {
  const text = billOfMaterials({ manifest, ...rest })
  const bill = JSON.parse(text)
  const components: Component[] = bill.components ?? []

  test('is CycloneDX 1.6', () => {
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' })
    expect(faultsOf(bill)).toEqual([])
  })

  test('has each package that pnpm would install for production, what is bundled, and no other', () => {
    const inside = manifest.name === '@rpcx/etcd' ? [purl('etcd3', '1.1.2')] : []
    const own = Object.keys(manifest.peerDependencies ?? {}).map(name => purl(name, manifest.version))
    expect([...needed.keys()]).toContain(manifest.name)
    expect(components.map(component => component.purl).sort()).toEqual(
      [...own, ...inside, ...(needed.get(manifest.name) ?? [])].sort(),
    )
  })

  test('has the licence and the hash of the tarball of each package', () => {
    for (const { purl, version, licenses, hashes = [] } of components) {
      expect(licenses, purl).toEqual([{ license: { id: expect.stringMatching(/^[\w.-]+$/) } }])
      expect(version, purl).toMatch(/^\d+\.\d+\.\d+/)
      const isOurs = purl.startsWith('pkg:npm/%40rpcx/')
      expect(
        hashes.map(({ alg }) => alg),
        purl,
      ).toEqual(isOurs ? [] : ['SHA-512'])
    }
  })

  test('has the dependencies of each package, and everything is reached from the package itself', () => {
    const edges: { ref: string; dependsOn?: string[] }[] = bill.dependencies
    const reached = new Set<string>([bill.metadata.component.purl])
    for (const ref of reached)
      for (const next of edges.find(edge => edge.ref === ref)?.dependsOn ?? []) reached.add(next)
    reached.delete(bill.metadata.component.purl)
    expect([...reached].sort()).toEqual(components.map(component => component['bom-ref']).sort())
  })

  test('is reproducible, and contains no host', () => {
    expect(billOfMaterials({ manifest, ...rest })).toBe(text)
    expect([...text.matchAll(/\w+:\/\/[\w.]+/g)].map(String)).toEqual(['http://cyclonedx.org'])
  })
})

interface Component {
  readonly purl: string
  readonly 'bom-ref': string
  readonly version: string
  readonly licenses: unknown
  readonly hashes?: readonly { readonly alg: string }[]
}

/** What pnpm lists, each package with its own dependencies. */
interface Tree {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, Tree & { readonly from: string; readonly version: string }>>
}

/** By package, what pnpm says that it needs in production: another reading of the lock file than ours. */
async function listed(): Promise<Map<string, string[]>> {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const list = ['list', '--prod', '--json', '--depth', 'Infinity']
  const trees: Tree[] = JSON.parse(
    await run(['npx', '--yes', packageManager, '--filter', './packages/*', ...list], { cwd: root }),
  )
  return new Map(trees.map(tree => [tree.name, [...new Set(purlsOf(tree))]]))
}

function purlsOf({ dependencies = {} }: Omit<Tree, 'name'>): string[] {
  return Object.values(dependencies).flatMap(tree => [purl(tree.from, tree.version), ...purlsOf(tree)])
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`
}
