import { expect, test } from 'vitest'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { clientOf, closing } from '../helpers.ts'
import { Program } from '../program.ts'

interface Big {
  memory(): { calls: number; rss: number }
}

const MIB = 1024 * 1024

test.each(['sync', 'async'])(
  '1 000 unread replies of 128 KiB do not grow the memory of the server: %s',
  async method => {
    const program = closing(new Program('big-server'))
    const address = await program.line(0)
    const client = clientOf<Big>('Big', [{ address }])
    const peer = async (): Promise<BarePeer> =>
      closing(await BarePeer.connect(Number(address.split(':').at(-1))))
    const request = (seq: number): Buffer =>
      frame({ seq, service: 'Big', method, serialize: 3, payload: Buffer.from([0xc0]) })

    // From now on, the buffers for a few replies exist.
    const reader = await peer()
    const warmUps = 16
    reader.send(Buffer.concat(Array.from({ length: warmUps }, (_, seq) => request(seq))))
    await reader.message(warmUps - 1)
    await client.call('memory')
    const before = await client.call('memory')

    const slow = await peer()
    slow.socket.pause()
    // All in one write: the server has read them all before the first reply is out.
    slow.send(Buffer.concat(Array.from({ length: 1_000 }, (_, seq) => request(seq))))
    let most = before.rss
    let { calls } = before
    for (let quiet = 0; quiet < 10; quiet++) {
      const now = await client.call('memory')
      most = Math.max(most, now.rss)
      if (now.calls > calls) quiet = 0
      calls = now.calls
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    console.info(`${method}: ${((most - before.rss) / MIB).toFixed(1)} MiB more, ${calls} replies made`)
    expect(calls).toBeLessThan(300)
    expect(most - before.rss).toBeLessThan(20 * MIB)

    slow.socket.resume()
    await slow.message(999)
    expect((await client.call('memory')).calls).toBe(1_000 + warmUps)
  },
)
