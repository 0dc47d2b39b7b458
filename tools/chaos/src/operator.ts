import { Hand as ConsulHand, GO_FLAGS } from '../../../packages/consul/test/hand.ts'
import { Gateway } from '../../../packages/etcd/test/gateway.ts'
import { Hand as ZooKeeperHand } from '../../../packages/zookeeper/test/hand.ts'
import { SERVICE } from './load.ts'
import type { RegistrySettings } from './registries.ts'
import { basePathOf } from './registries.ts'

/** Somebody who reads and changes the registry by other means than ours, and makes no entry where there is none. */
export interface Operator {
  /** The metadata of each entry, by its address. */
  entries(): Promise<Readonly<Record<string, string>>>
  /** Replaces the metadata of the entry, unless it changes meanwhile; who keeps it alive still does. */
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
      return consulOperator(new ConsulHand(address), `${directory}/`)
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

function consulOperator(hand: ConsulHand, prefix: string): Operator {
  return {
    async entries() {
      const found = (await hand.all(prefix)).filter(({ key }) => key !== prefix)
      return Object.fromEntries(found.map(({ key, value }) => [key.slice(prefix.length), value]))
    },
    async edit(address, change) {
      const found = await hand.get(prefix + address)
      if (found === undefined) return
      const path = `kv/${encodeURIComponent(found.key)}?cas=${found.modifyIndex}&flags=${GO_FLAGS}`
      await hand.ask('PUT', path, change(found.value))
    },
  }
}

function zooKeeperOperator(registry: string, directory: string): Operator {
  /** With a session of its own, since none outlives what is done to ZooKeeper here. */
  const withHand = async <T>(work: (hand: ZooKeeperHand) => Promise<T>): Promise<T> => {
    const hand = await ZooKeeperHand.open(registry)
    try {
      return await work(hand)
    } finally {
      await hand.close()
    }
  }
  return {
    entries: () =>
      withHand(async hand => {
        const addresses = await hand.children(directory)
        const found = await Promise.all(addresses.map(address => hand.get(`${directory}/${address}`)))
        return Object.fromEntries(
          addresses.flatMap((address, i) => (found[i] === undefined ? [] : [[address, found[i].data]])),
        )
      }),
    edit: (address, change) =>
      withHand(async hand => {
        const path = `${directory}/${address}`
        const found = await hand.get(path)
        if (found !== undefined) await hand.edit(path, change(found.data))
      }),
  }
}
