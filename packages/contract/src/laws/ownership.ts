import assert from 'node:assert/strict'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import type { Member } from '../member.ts'
import { tapped } from '../tap.ts'
import type { Trial } from '../trial.ts'

export const ownership: Readonly<Record<string, Law>> = {
  'a new server replaces the entry that an earlier process left': law(
    '`write()` of driver.ts over an entry of another owner, and `by` in the reports of `watchEntry()`',
    async trial => {
      const service = trial.service()
      const member = memberAt(trial, 1).offer(service, 'is=new')
      const { address } = member
      const crashed = await trial.rival({ service, address, metadata: 'is=old' })
      const view = trial.view(service)
      await view.until('the entry of the earlier process', entries => address in entries)
      await member.start()
      await view.shows({ [address]: 'is=new' })
      assert.equal((await crashed.replaced())?.by, 'other')
      // The earlier process ends only now. The entry does not belong to it any more.
      await crashed.withdraw()
      await crashed.close()
      await member.server.setMetadata(service, 'is=alone')
      await view.shows({ [address]: 'is=alone' })
      for (const entries of view.since(0)) assert.ok(address in entries, 'the entry was gone in between')
      assert.equal(member.count('lost'), 0)
    },
  ),

  'of two live servers at one address, the later one is registered and the earlier one waits': law(
    '`by` and `version` in the reports of `watchEntry()` of driver.ts: the session that lost the entry must see `other`',
    async trial => {
      const service = trial.service()
      let writes = 0
      const driver = tapped(trial.bench.driver(), { wrote: () => writes++ })
      const member = await memberAt(trial, 2, driver).offer(service, 'is=first').start()
      const { address } = member
      const view = trial.view(service)
      await view.shows({ [address]: 'is=first' })
      const rival = await trial.rival({ service, address, metadata: 'is=second' })
      await view.shows({ [address]: 'is=second' })
      await member.events.until('the event conflict', ({ event }) => event === 'conflict')
      // A change at one of the two servers must not disturb the other.
      member.server.setMetadata(service, 'is=still-first').catch(() => {})
      for (const metadata of ['is=still-second', 'is=second-for-ever']) {
        assert.equal(await rival.update(metadata), true)
        await view.shows({ [address]: metadata })
      }
      assert.equal(writes, 1, 'the earlier one wrote')
      assert.deepEqual(rival.disturbances, [], 'the later one heard of the earlier')
      await rival.withdraw()
      await trial.within(2_000, 'the way back', view.shows({ [address]: 'is=still-first' }))
      // A watcher may see the entry before its writer has the answer.
      await member.server.published()
      assert.deepEqual(
        member.events.all.map(({ event, why }) => why ?? event),
        ['registered', 'taken', 'conflict', 'registered'],
      )
    },
  ),

  'a server that lost its address leaves the entry of the other one alone when it closes': law(
    '`remove()` of driver.ts: it deletes entries of the session itself, and no others',
    async trial => {
      const service = trial.service()
      const member = await memberAt(trial, 3).offer(service, 'is=first').start()
      const { address } = member
      const view = trial.view(service)
      await view.shows({ [address]: 'is=first' })
      const rival = await trial.rival({ service, address, metadata: 'is=second' })
      const mark = view.mark
      // Does not wait for the conflict first: the withdrawal may be under way when the server loses the address.
      await member.server.close()
      assert.equal(await rival.update('is=alone'), true)
      await view.shows({ [address]: 'is=alone' })
      for (const entries of view.since(mark)) assert.ok(address in entries, 'the entry was gone in between')
      assert.deepEqual(rival.disturbances, [])
    },
  ),

  'a session that others end is replaced': law(
    '`ended` of the session in driver.ts: it resolves once the registry has no entry of the session',
    async trial => {
      const endSession = trial.need('endSession')
      const services = [trial.service(), trial.service()]
      const member = trial.member()
      for (const service of services) member.offer(service, 'n=1')
      await member.start()
      const { address } = member
      const views = services.map(service => trial.view(service))
      for (const view of views) await view.shows({ [address]: 'n=1' })
      await endSession(services[0] as string, address)
      const back = member.events.until('both registrations', () => member.count('registered') === 4)
      await trial.within(1_000, 'the way back', back)
      for (const service of services) {
        await member.server.setMetadata(service, 'n=2')
        assert.deepEqual(await trial.listed(service), { [address]: 'n=2' })
      }
      for (const view of views) await view.shows({ [address]: 'n=2' })
      assert.equal(member.count('lost'), 2)
    },
  ),
}

/** Creates a server whose address is known before it listens, so that others can register the same address. */
function memberAt(trial: Trial, n: number, driver = trial.bench.driver()): Member {
  return trial.member({ serviceAddress: `tcp@10.9.8.${n}:8972` }, driver)
}
