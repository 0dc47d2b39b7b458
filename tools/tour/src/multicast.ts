import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Resolves to whether multicast works over the loopback interface of this machine. */
export async function loopbackCarriesMulticast(): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind(0)
    await once(socket, 'listening')
    socket.addMembership(GROUP, LOOPBACK)
    socket.setMulticastInterface(LOOPBACK)
    const heard = once(socket, 'message', { signal: AbortSignal.timeout(500) })
    socket.send('is anyone there?', socket.address().port, GROUP)
    await heard
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

const GROUP = '224.0.0.251'
const LOOPBACK = '127.0.0.1'
