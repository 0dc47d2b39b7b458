import { beforeEach, expect, test, vi } from 'vitest'
import { requireServer, startEtcd } from '../src/index.ts'

const runnable = (await requireServer('etcd')) && !process.env.RPCX_ETCD

beforeEach(() => {
  vi.resetModules()
  return () => {
    vi.unstubAllEnvs()
    vi.doUnmock('../src/binaries.ts')
    // The other files of this process import them anew.
    vi.resetModules()
  }
})

test.runIf(runnable)('A server named by the environment is used, but not controlled', async () => {
  await using own = await startEtcd()
  vi.stubEnv('RPCX_ETCD', own.address)
  const fresh = await import('../src/index.ts')
  expect(await fresh.available('etcd')).toEqual({ from: 'environment', address: own.address })
  expect(await fresh.requireServer('etcd')).toBe(true)
  const foreign = await fresh.startEtcd()
  expect(foreign).toMatchObject({ address: own.address, controllable: false, pid: undefined })
  await expect(foreign.kill()).rejects.toThrow('not ours to control')
  await foreign.stop()
  expect((await fetch(`http://${own.address}/health`)).status).toBe(200)
})

test('A missing server skips tests outside CI and fails them in CI, with the reason', async () => {
  vi.doMock('../src/binaries.ts', () => ({
    available: async () => ({ from: 'nowhere', reason: 'none here' }),
  }))
  const words = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const { requireServer: require } = await import('../src/requirement.ts')
  vi.stubEnv('CI', '')
  expect(await require('consul')).toBe(false)
  expect(words.mock.calls.join()).toContain('none here')
  vi.stubEnv('CI', 'true')
  await expect(require('consul')).rejects.toThrow('none here')
  words.mockRestore()
})
