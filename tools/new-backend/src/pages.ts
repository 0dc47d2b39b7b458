import { pascal } from './sources.ts'

/** Returns `README.md`, which npm shows, with the program that every backend has. */
export function readme(name: string): string {
  const Name = pascal(name)
  return `# @rpcx/${name}

Servers register in ${name}, clients find them there.

\`\`\`sh
npm install @rpcx/core @rpcx/${name} tsx # or: pnpm add …
npm pkg set type=module # the program is an ECMAScript module
\`\`\`

\`\`\`ts
import { Server, XClient } from '@rpcx/core'
import { ${Name}Discovery, ${Name}RegisterPlugin } from '@rpcx/${name}'

class Arith {
  Mul({ A, B }: { A: number; B: number }): { C: number } {
    return { C: A * B }
  }
}

const options = { basePath: '/rpcx_test' }

const server = new Server()
server.plugins.add(new ${Name}RegisterPlugin(options))
server.registerName('Arith', new Arith())
await server.serve('tcp', '127.0.0.1:0')

const discovery = new ${Name}Discovery(options)
const arith = new XClient<Arith>('Arith', discovery)
const { C } = await arith.call('Mul', { A: 10, B: 20 })
console.log(\`10 × 20 = \${C}\`)

await arith.close()
await discovery.close()
await server.close()
\`\`\`

\`@rpcx/core\` and this package are released together: install both in the same version.
`
}

/** Returns `<name>.api.md`, an empty report. `npm test` fails until `npm run api` has written it. */
export function apiReport(name: string): string {
  return `## API Report File for "@rpcx/${name}"

> \`npm run api\` writes this report. Commit it: it shows in review what a change does to the public names.
`
}
