import { fileURLToPath } from 'node:url'
import { Terminal } from '@rpcx/testing'

const folder = fileURLToPath(new URL('..', import.meta.url))

/** An example, run from its sources. */
export class Program extends Terminal {
  /** @param file `peer2peer/server.ts` */
  constructor(file: string, ...args: string[]) {
    super([process.execPath, '--conditions=@rpcx/source', '--import', 'tsx', file, ...args], { cwd: folder })
  }
}
