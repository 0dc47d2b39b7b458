import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { apiReport, readme } from './pages.ts'
import { contractTest, driver, index, testServer } from './sources.ts'

/**
 * Writes `packages/<name>`: a package that builds, and fails each law that needs a backend. Resolves to its path.
 * @throws TypeError when the name is invalid; an error with code `EEXIST` when the package exists
 */
export async function writeBackend(name: string, packages: URL): Promise<string> {
  if (!isBackendName(name)) {
    throw new TypeError(
      `new-backend: ${JSON.stringify(name)} is not a name of small letters, digits and hyphens`,
    )
  }
  const folder = new URL(`${name}/`, packages)
  await mkdir(folder)
  await mkdir(new URL('src', folder))
  await mkdir(new URL('test', folder))
  const files: Record<string, string> = {
    'package.json': await manifest(name, packages),
    'src/index.ts': index(name),
    'src/driver.ts': driver(name),
    'test/contract.test.ts': contractTest(name),
    'test/server.ts': testServer(name),
    'README.md': readme(name),
    [`${name}.api.md`]: apiReport(name),
  }
  for (const config of ['tsconfig.json', 'tsup.config.ts', 'vitest.config.ts']) {
    files[config] = await readFile(new URL(`${MODEL}/${config}`, packages), 'utf8')
  }
  for (const [path, text] of Object.entries(files)) await writeFile(new URL(path, folder), text)
  return fileURLToPath(folder)
}

/** Returns whether a package of this name can exist: small letters, digits and hyphens. */
export function isBackendName(name: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(name)
}

// A backend that depends only on core.
const MODEL = 'inprocess'

async function manifest(name: string, packages: URL): Promise<string> {
  const model = await readFile(new URL(`${MODEL}/package.json`, packages), 'utf8')
  const named = {
    ...(JSON.parse(model.replaceAll(MODEL, name)) as object),
    description: `rpcx for TypeScript: servers register in ${name}, clients discover them there`,
    keywords: ['rpcx', 'rpc', 'microservices', name, 'service-discovery', 'registry'],
  }
  return `${JSON.stringify(named, undefined, 2)}\n`
}
