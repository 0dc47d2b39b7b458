import { version } from './version.ts'

/**
 * What each backend asks as it is imported, so that a core that does not fit is named then, not by whatever it lacks.
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

// A bundle does not know where its parts were.
const folder = import.meta.url === undefined ? 'a bundle' : decodeURI(new URL('..', import.meta.url).pathname)

const COPIES: unique symbol = Symbol.for('rpcx.core') as never
const shared = globalThis as { [COPIES]?: Map<string, string> }
shared[COPIES] ??= new Map()
const copies: Map<string, string> = shared[COPIES]

// Copies understand each other: they share what they keep in the process, and tell nothing by its class. But what one of them has
// mended, the other may still have.
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
