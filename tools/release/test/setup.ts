import type { TestProject } from 'vitest/node'
import { DryRun } from '../src/dry-run.ts'
import { Registry } from '../src/registry.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    registry: Pick<Registry, 'url' | 'env'>
    release: Pick<DryRun, 'folder' | 'packages' | 'bills'>
  }
}

/** Releases once, into a registry that all tests share. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const registry = await Registry.start()
  const release = await DryRun.into(registry)
  provide('registry', { url: registry.url, env: registry.env })
  provide('release', { folder: release.folder, packages: release.packages, bills: release.bills })
  return async () => {
    await release[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
  }
}
