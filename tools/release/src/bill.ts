import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import type { Dependency, Published } from './dependencies.ts'

/**
 * Returns the software bill of materials of a package: CycloneDX 1.6 as JSON. It names packages by their purl and never a host, and has
 * no date or random number, so the same lock file makes the same bill.
 *
 * @throws Error when a package has no licence that SPDX knows, because a human must decide then
 */
export function billOfMaterials({ manifest, direct, all }: Published): string {
  const components = new Map(all.map(dependency => [dependency, componentOf(dependency)]))
  const component = (dependency: Dependency): Models.Component =>
    components.get(dependency) as Models.Component
  for (const dependency of all) link(component(dependency), dependency.dependencies.map(component))
  const subject = componentOf({ manifest, dependencies: [] })
  link(subject, direct.map(component))

  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: subject }),
    components: new Models.ComponentRepository(components.values()),
  })
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`
}

const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
const licenses = new Contrib.License.Factories.LicenseFactory(() => {
  throw new RangeError('expressions are not accepted')
})

function componentOf({ manifest, integrity }: Dependency): Models.Component {
  const { name, version, description, license = '' } = manifest
  const [group, short] = name.startsWith('@') ? name.split('/') : [undefined, name]
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return new Models.Component(Enums.ComponentType.Library, short ?? name, {
    bomRef: purl,
    group,
    version,
    purl,
    description,
    scope: Enums.ComponentScope.Required,
    licenses: new Models.LicenseRepository([licenseOf(name, license)]),
    hashes: new Models.HashDictionary(integrity === undefined ? [] : [hashOf(name, integrity)]),
  })
}

function licenseOf(name: string, license: string): Models.SpdxLicense {
  try {
    return licenses.makeSpdxLicense(license)
  } catch (cause) {
    throw new Error(`the licence of ${name} is "${license}", which is no identifier of SPDX`, { cause })
  }
}

function hashOf(name: string, integrity: string): [Enums.HashAlgorithm, string] {
  const [algorithm, base64 = ''] = integrity.split('-')
  if (algorithm !== 'sha512') throw new Error(`the lock file has no SHA-512 of ${name}, only "${integrity}"`)
  return [Enums.HashAlgorithm['SHA-512'], Buffer.from(base64, 'base64').toString('hex')]
}

function link(from: Models.Component, to: readonly Models.Component[]): void {
  for (const { bomRef } of to) from.dependencies.add(bomRef)
}
