import { once } from 'node:events'
import { connect } from 'node:net'

// Opens this many connections to a port and leaves them idle.
const [port, count] = process.argv.slice(2).map(Number) as [number, number]
for (let opened = 0; opened < count; opened += 500) {
  await Promise.all(
    Array.from({ length: Math.min(500, count - opened) }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => process.exit(1))
      await once(socket, 'connect')
    }),
  )
}
console.log('open')
