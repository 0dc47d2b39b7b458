import { Server, XClient } from '@rpcx/core'
import { InprocessDiscovery, inprocessClient } from '@rpcx/inprocess'

interface Args {
  A: number
  B: number
}

class Arith {
  Mul({ A, B }: Args): { C: number } {
    return { C: A * B }
  }
}

const server = new Server()
server.plugins.add(inprocessClient)
server.registerName('Arith', new Arith())
// Not awaited: inside this process, the service can be called from here on.
const serving = server.serve('tcp', '127.0.0.1:0')

const discovery = new InprocessDiscovery()
const arith = new XClient<Arith>('Arith', discovery)

let sum = 0
for (let i = 1; i <= 100; i++) {
  const { C } = await arith.call('Mul', { A: i, B: 20 })
  sum += C
}
console.log(`100 calls, sum ${sum}`)

await arith.close()
await discovery.close()
await serving
await server.close()
