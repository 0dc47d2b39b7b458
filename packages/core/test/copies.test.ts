import { expect, test } from 'vitest'
import { checkCore } from '../src/index.ts'
import { version } from '../src/version.ts'

const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)

test('cores of the same release and of the one before are compatible', () => {
  checkCore('@rpcx/etcd', version)
  if (minor > 0) checkCore('@rpcx/etcd', `${major}.${minor - 1}.9`)
})

test.each([`${major}.${minor}.${patch + 1}`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`])(
  'a backend that was released with %s is rejected, with the version here and what to do',
  needed => {
    const [neededMajor] = needed.split('.').map(Number)
    const wants = `@rpcx/etcd ${needed} needs @rpcx/core from ${needed} on, below ${Number(neededMajor) + 1}`
    const says = `${wants}; this is ${version}, in ${new URL('..', import.meta.url).pathname}: install all @rpcx packages in one version`
    expect(() => checkCore('@rpcx/etcd', needed)).toThrow(new RangeError(says))
  },
)
