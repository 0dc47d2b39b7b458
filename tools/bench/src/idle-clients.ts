import { once } from 'node:events'
import { connect } from 'node:net'

// Opens connections, and does nothing with them.

const [address = '', count] = process.argv.slice(2)
const [host, port] = address.split(':')
for (let i = 0; i < Number(count); i++) await once(connect({ host, port: Number(port) }), 'connect')
process.once('disconnect', () => process.exit())
process.send?.('open')
