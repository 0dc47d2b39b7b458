import type { TestProject } from 'vitest/node'
import type { Released } from '../src/dry-run.ts'
import { dryRun } from '../src/dry-run.ts'
import { Registry } from '../src/registry.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    registry: Pick<Registry, 'url' | 'env'>
    released: Released[]
  }
}

/** Releases once into a registry that all tests share. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const registry = await Registry.start()
  const stop = () => registry[Symbol.asyncDispose]()
  try {
    provide('released', await dryRun(registry))
  } catch (error) {
    await stop()
    throw error
  }
  provide('registry', { url: registry.url, env: registry.env })
  return stop
}
