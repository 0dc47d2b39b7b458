// Keeps what client and server of this release say to each other, so that every later one is tested beside it.
import { writeFile } from 'node:fs/promises'
import { recordRelease } from '../../../packages/core/test/releases/recorder.ts'

const recording = await recordRelease()
const folder = new URL('../../../packages/core/test/fixtures/releases/', import.meta.url)
await writeFile(new URL(`${recording.version}.json`, folder), `${JSON.stringify(recording, undefined, 1)}\n`)
