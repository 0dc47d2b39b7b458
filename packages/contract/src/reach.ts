import { isRpcxError, Peer2PeerDiscovery, XClient } from '@rpcx/core'

interface EchoService {
  Echo(value: number): number
}

/** Whether a server answers at this address, even if with an error. `false` when it refuses the connection. */
export async function answers(address: string, service: string): Promise<boolean> {
  const discovery = new Peer2PeerDiscovery(address)
  const client = new XClient<EchoService>(service, discovery, { failMode: 'failfast', timeoutMs: 5_000 })
  try {
    await client.call('Echo', 1)
    return true
  } catch (error) {
    return !isRpcxError(error, 'ERR_RPCX_UNAVAILABLE')
  } finally {
    await client.close()
    await discovery.close()
  }
}
