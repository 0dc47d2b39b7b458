import { once } from 'node:events'
import { connect } from 'node:net'

// Opens connections and leaves them idle.

const [address = '', count] = process.argv.slice(2)
const [host, port] = address.split(':')
for (let i = 0; i < Number(count); i++) await once(connect({ host, port: Number(port) }), 'connect')
process.once('disconnect', () => process.exit())
process.send?.('open')
