import type { RegistryDiscoveryOptions } from '../discovery/registry-discovery.ts'
import { checkKnown } from '../options.ts'
import type { RegisterPluginOptions } from './register-plugin-options.ts'

/** The names of the options that all backends share. */
export type SharedRegistryOption = keyof RegisterPluginOptions | keyof RegistryDiscoveryOptions

/**
 * Checks that the options of a backend's plugin or discovery have known names. Both take the names of both, so that a program can pass the
 * same options to them.
 * @param own the names of the backend's own options
 * @throws TypeError that names the unknown option
 */
export function checkRegistryOptions(
  who: string,
  options: object,
  own: Readonly<Record<string, true>>,
): void {
  checkKnown(who, options, { ...SHARED, ...own })
}

const SHARED: Readonly<Record<SharedRegistryOption, true>> = {
  serviceAddress: true,
  metrics: true,
  updateIntervalMs: true,
  required: true,
  resyncMs: true,
  networks: true,
  clock: true,
}
