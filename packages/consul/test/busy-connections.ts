import type { TcpProxy } from '@rpcx/servers'
import { Sockets } from '../src/sockets.ts'

/** How many connections are in use to what is reached through this proxy: those that are kept for the next question are closed. */
export function busyConnections(proxy: TcpProxy): readonly string[] {
  const [host = '', port] = proxy.address.split(':')
  const sockets = Sockets.take({ host, port: Number(port), text: proxy.address }, {})
  for (const idle of Object.values(sockets.http.freeSockets).flat()) idle?.destroy()
  sockets.release(false)
  return proxy.connections > 0 ? [`${proxy.connections} connections`] : []
}
