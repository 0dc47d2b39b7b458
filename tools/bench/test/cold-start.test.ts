import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the import loads none of the larger modules of Node that many programs never need', async () => {
  const program = `
    const before = new Set(process.moduleLoadList)
    await import('@rpcx/core')
    const loaded = process.moduleLoadList.filter(name => !before.has(name))
    console.log(loaded.map(name => name.replace('NativeModule ', '')).join())`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
  })
  const loaded = stdout.trim().split(',')
  expect(loaded).toContain('net')
  for (const name of ['crypto', 'dns', 'tls', 'zlib', 'http', 'os', 'process'])
    expect(loaded).not.toContain(name)
})
