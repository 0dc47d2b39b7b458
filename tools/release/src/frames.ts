// Records the frames that client and server of this release exchange. Tests run every later version against them.
import { writeFile } from 'node:fs/promises'
import { recordRelease } from '../../../packages/core/test/releases/recorder.ts'

const recording = await recordRelease()
const folder = new URL('../../../packages/core/test/fixtures/releases/', import.meta.url)
await writeFile(new URL(`${recording.version}.json`, folder), `${JSON.stringify(recording, undefined, 1)}\n`)
