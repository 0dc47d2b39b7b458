import { version } from './version.ts'

/**
 * Checks that this core fits a backend. Each backend calls it when it is imported, so that the error names the versions and not a missing
 * function.
 *
 * @param dependant `@rpcx/etcd`
 * @param needed the version of core that the dependant was released with
 * @throws RangeError when this core is older, or of another major version
 */
export function checkCore(dependant: string, needed: string): void {
  const [major, minor, patch] = numbers(version)
  const [neededMajor, neededMinor, neededPatch] = numbers(needed)
  const isOlder = minor < neededMinor || (minor === neededMinor && patch < neededPatch)
  if (major === neededMajor && !isOlder) return
  throw new RangeError(
    `${dependant} ${needed} needs @rpcx/core from ${needed} on, below ${neededMajor + 1}; this is ${version}, ` +
      `in ${folder}: install all @rpcx packages in one version`,
  )
}

// In a bundle, the original folder is unknown.
const folder = import.meta.url === undefined ? 'a bundle' : decodeURI(new URL('..', import.meta.url).pathname)

const COPIES: unique symbol = Symbol.for('rpcx.core') as never
const shared = globalThis as { [COPIES]?: Map<string, string> }
shared[COPIES] ??= new Map()
const copies: Map<string, string> = shared[COPIES]

// Copies of this package work together: they share their state in the process, and identify nothing by its class. But a copy may lack a fix
// that another one has.
copies.set(folder, version)
if (copies.size > 1) {
  const all = [...copies].map(([path, version]) => `${version} in ${path}`)
  process.emitWarning(
    `@rpcx/core is here ${copies.size} times: ${all.join(', ')}. That works, but one is enough: ` +
      'install all @rpcx packages in one version, and run `npm dedupe` or `pnpm dedupe`',
    { type: 'RpcxWarning', code: 'RPCX_CORE_COPIES' },
  )
}

function numbers(text: string): [major: number, minor: number, patch: number] {
  const [major = 0, minor = 0, patch = 0] = text.split(/[.-]/).map(Number)
  return [major, minor, patch]
}
