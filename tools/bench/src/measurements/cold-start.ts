import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Child } from '../child.ts'
import type { Row } from '../row.ts'

/** Measures how long a new process takes until it can call. */
export async function* coldStart(rounds: number): AsyncGenerator<Row> {
  const imported: Record<string, number[]> = { rpcx: [], 'grpc-js': [] }
  const called: number[] = []
  const server = new Child('server.js', ['rpcx', '{"exchange":"arith"}'])
  try {
    const address = String(await server.answer())
    for (let round = 0; round < 5 * rounds; round++) {
      const bare = await endsAfter('')
      imported.rpcx?.push((await endsAfter("import '@rpcx/core'")) - bare)
      imported['grpc-js']?.push((await endsAfter("import '@grpc/grpc-js'")) - bare)
      called.push((await endsAfter(firstCall(address))) - bare)
    }
  } finally {
    await server[Symbol.asyncDispose]()
  }
  yield {
    work: 'import',
    unit: 'ms more than a bare process',
    figures: imported,
    targets: [{ of: 'rpcx', to: 'grpc-js', atMost: 0.6 }],
  }
  yield {
    work: 'import, connect and one call',
    unit: 'ms more than a bare process',
    figures: { rpcx: called, '30 ms': called.map(() => 30) },
    targets: [{ of: 'rpcx', to: '30 ms', atMost: 1 }],
  }
}

function firstCall(address: string): string {
  return `
    import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
    const client = new XClient('Bench', new Peer2PeerDiscovery('${address}'))
    await client.call('Mul', { A: 10, B: 20 })`
}

/** Returns the age of the process when the program has run, in milliseconds. */
async function endsAfter(program: string): Promise<number> {
  const code = `${program}\nconsole.log(String(performance.now())); process.exit()`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
    cwd: new URL('.', import.meta.url),
  })
  return Number(stdout)
}

const run = promisify(execFile)
