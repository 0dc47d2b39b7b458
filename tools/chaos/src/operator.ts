import { RawClient as ConsulClient, GO_FLAGS } from '../../../packages/consul/test/raw-client.ts'
import { Gateway } from '../../../packages/etcd/test/gateway.ts'
import { RawClient as ZooKeeperClient } from '../../../packages/zookeeper/test/raw-client.ts'
import { SERVICE } from './load.ts'
import type { RegistrySettings } from './registries.ts'
import { basePathOf } from './registries.ts'

/** Reads and changes entries of a registry without our packages, as a human operator does. Never creates an entry. */
export interface Operator {
  /** Returns the metadata of each entry, by address. */
  entries(): Promise<Readonly<Record<string, string>>>
  /** Replaces the metadata of the entry unless it changes meanwhile. The entry stays with its session. */
  edit(address: string, change: (metadata: string) => string): Promise<void>
}

export function operatorOf({ kind, address }: RegistrySettings): Operator {
  const directory = `${basePathOf(kind)}/${SERVICE}`
  switch (kind) {
    case 'etcd':
      return etcdOperator(new Gateway(address), `${directory}/`)
    case 'zookeeper':
      return zooKeeperOperator(address, directory)
    case 'consul':
      return consulOperator(new ConsulClient(address), `${directory}/`)
  }
}

function etcdOperator(gateway: Gateway, prefix: string): Operator {
  return {
    async entries() {
      const found = await gateway.all(prefix)
      return Object.fromEntries(found.map(({ key, value }) => [key.slice(prefix.length), value]))
    },
    async edit(address, change) {
      const found = await gateway.get(prefix + address)
      if (found === undefined) return
      const key = Buffer.from(found.key).toString('base64')
      const value = Buffer.from(change(found.value)).toString('base64')
      await gateway.ask('kv/txn', {
        compare: [{ key, target: 'MOD', result: 'EQUAL', mod_revision: found.modRevision }],
        success: [{ request_put: { key, value, ignore_lease: true } }],
      })
    },
  }
}

function consulOperator(raw: ConsulClient, prefix: string): Operator {
  return {
    async entries() {
      const found = (await raw.all(prefix)).filter(({ key }) => key !== prefix)
      return Object.fromEntries(found.map(({ key, value }) => [key.slice(prefix.length), value]))
    },
    async edit(address, change) {
      const found = await raw.get(prefix + address)
      if (found === undefined) return
      const path = `kv/${encodeURIComponent(found.key)}?cas=${found.modifyIndex}&flags=${GO_FLAGS}`
      await raw.ask('PUT', path, change(found.value))
    },
  }
}

function zooKeeperOperator(registry: string, directory: string): Operator {
  /** Opens a session for each operation, because no session survives the faults of ZooKeeper here. */
  const withRawClient = async <T>(work: (raw: ZooKeeperClient) => Promise<T>): Promise<T> => {
    const raw = await ZooKeeperClient.open(registry)
    // Without an answer, the library would go on connecting after the registry has ended, and this process would never end.
    const late = setTimeout(() => void raw.close(), LONGEST_MS)
    try {
      return await work(raw)
    } finally {
      clearTimeout(late)
      await raw.close()
    }
  }
  return {
    entries: () =>
      withRawClient(async raw => {
        const addresses = await raw.children(directory)
        const found = await Promise.all(addresses.map(address => raw.get(`${directory}/${address}`)))
        return Object.fromEntries(
          addresses.flatMap((address, i) => (found[i] === undefined ? [] : [[address, found[i].data]])),
        )
      }),
    edit: (address, change) =>
      withRawClient(async raw => {
        const path = `${directory}/${address}`
        const found = await raw.get(path)
        if (found !== undefined) await raw.edit(path, change(found.data))
      }),
  }
}

const LONGEST_MS = 10_000
