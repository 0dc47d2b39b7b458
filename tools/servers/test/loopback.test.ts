import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ClusterNetwork } from '../src/cluster-network.ts'
import { untilResolved } from '../src/deadline.ts'
import { forwardLoopback, loopbackHost } from '../src/loopback.ts'
import { type Reservation, reservePorts } from '../src/ports.ts'

const onLinux = process.platform === 'linux'

test.runIf(onLinux).each(['partition', 'stall'] as const)(
  'Datagrams have a source address that replies can reach, and are lost in a %s',
  async how => {
    const reservations = [await reservePorts(), await reservePorts()] as const
    const network = new ClusterNetwork(reservations.length)
    await using _ = await forwardLoopback(network, reservations)
    const [one, two] = [await member(0, reservations[0]), await member(1, reservations[1])]
    try {
      const say = (from: Socket, word: string) =>
        new Promise(sent => from.send(word, reservations[1].ports[2], loopbackHost(1).advertised, sent))
      const words = heard(two)
      await say(one, 'before')
      await until(() => expect(words).toEqual([['before', loopbackHost(0).advertised]]))
      network[how](0)
      await say(one, 'lost')
      // The same relay reads this datagram after the lost ones, because a member always receives its own datagrams.
      await say(two, 'to itself')
      await until(() => expect(words.map(([word]) => word)).toEqual(['before', 'to itself']))
      network.heal()
      await say(one, 'after')
      await until(() => expect(words.map(([word]) => word)).toEqual(['before', 'to itself', 'after']))
    } finally {
      one.close()
      two.close()
      for (const { folder } of reservations) await rm(folder, { recursive: true })
    }
  },
)

async function member(index: number, { ports }: Reservation): Promise<Socket> {
  const socket = createSocket('udp4')
  await once(socket.bind(ports[2], loopbackHost(index).own), 'listening')
  return socket
}

/** Returns the datagrams that arrive from now on, with their senders. */
function heard(socket: Socket): [word: string, from: string][] {
  const words: [string, string][] = []
  socket.on('message', (datagram, { address }) => words.push([String(datagram), address]))
  return words
}

function until(check: () => void): Promise<void> {
  return untilResolved(async () => check(), { what: 'the datagrams', timeoutMs: 5_000 })
}
