import type { TcpProxy } from '@rpcx/servers'
import { Sockets } from '../src/sockets.ts'

/** Returns the number of busy connections through this proxy. Closes the idle ones, which are kept for the next request. */
export function busyConnections(proxy: TcpProxy): readonly string[] {
  const [host = '', port] = proxy.address.split(':')
  const sockets = Sockets.take({ host, port: Number(port), text: proxy.address }, {})
  for (const idle of Object.values(sockets.http.freeSockets).flat()) idle?.destroy()
  sockets.release(false)
  return proxy.connections > 0 ? [`${proxy.connections} connections`] : []
}
