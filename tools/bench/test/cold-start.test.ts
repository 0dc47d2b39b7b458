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
  expect(loaded).toContain('fs/promises')
  for (const name of ['crypto', 'dns', 'net', 'tls', 'zlib', 'http', 'os', 'process', 'timers/promises'])
    expect(loaded).not.toContain(name)
  for (const name of ['blocklist', 'mime', 'util/parse_args/parse_args'])
    expect(loaded).not.toContain(`internal/${name}`)
})
