// Installs what the lock file says, with nothing on the machine but Node and npm.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`rpcx needs Node 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

const root = new URL('..', import.meta.url)
const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const install = [
  '--yes',
  packageManager,
  'install',
  '--frozen-lockfile',
  '--prefer-offline',
  '--reporter=append-only',
]
const { status, stdout, stderr } = spawnSync('npx', install, {
  cwd: root,
  encoding: 'utf8',
  shell: process.platform === 'win32',
})
if (status !== 0) {
  console.error(`${stdout}${stderr}\nThe dependencies could not be installed.`)
  process.exit(status ?? 1)
}
