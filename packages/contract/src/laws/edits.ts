import assert from 'node:assert/strict'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import type { Member } from '../member.ts'
import type { Sighting } from '../party.ts'
import type { Trial } from '../trial.ts'
import type { View } from '../view.ts'
import { Figures } from './registration.ts'

export const edits: Readonly<Record<string, Law>> = {
  'an edit by others is kept when the server writes new metrics, except for metrics in the edit': law(
    '`watchEntry()` of driver.ts: it must report what others write, with a version that grows',
    async trial => {
      const edit = trial.need('edit')
      const service = trial.service()
      const figures = new Figures(trial.signal)
      const member = trial.member({ metrics: figures, updateIntervalMs: 50 })
      const { address, server } = await member.offer(service, 'weight=1').start()
      await edit(service, address, 'calls=99.00&state=inactive&weight=1')
      figures.callsPerSecond = 7
      await figures.read()
      await server.published()
      assert.deepEqual(await trial.listed(service), {
        [address]: 'calls=7.00&connections=12.35&state=inactive&weight=1',
      })
    },
  ),

  'an edit by others is kept when a deleted entry is registered again': law(
    '`watchEntry()` of driver.ts: its first report after the session was lost',
    async trial => {
      const remove = trial.need('remove')
      const service = trial.service()
      const member = await trial.member().offer(service, 'weight=1').start()
      const view = trial.view(service)
      await edited(trial, member, view, 'weight=5&state=inactive', 'state=inactive&weight=5')
      await remove(service, member.address)
      await registeredTimes(member, 2)
      await view.shows({ [member.address]: 'state=inactive&weight=5' })
      assert.deepEqual(await trial.listed(service), { [member.address]: 'state=inactive&weight=5' })
    },
  ),

  'an edit by others is kept until setMetadata() sets its key': law(
    '`watchEntry()` of driver.ts: it must report what others write, with a version that grows',
    async trial => {
      const service = trial.service()
      const member = await trial.member().offer(service, 'weight=1&zone=a').start()
      const { address, server } = member
      const view = trial.view(service)
      await edited(trial, member, view, 'zone=a&weight=5&state=inactive', 'state=inactive&weight=5&zone=a')
      await server.setMetadata(service, 'zone=b')
      await view.shows({ [address]: 'state=inactive&weight=5&zone=b' })
      await server.setMetadata(service, 'weight=2&zone=c')
      await view.shows({ [address]: 'state=inactive&weight=2&zone=c' })
      await server.setMetadata(service, 'state=active')
      await view.shows({ [address]: 'state=active' })
    },
  ),

  'an edit through another session is kept, and the entry belongs to the server again': law(
    '`by` in the reports of `watchEntry()` of driver.ts: an `editor` keeps entries of others, and is not a server',
    async trial => {
      const adopt = trial.need('adopt')
      const service = trial.service()
      const member = await trial.member().offer(service, 'weight=1').start()
      const { address, server } = member
      const view = trial.view(service)
      const seen = (await trial.party()).watch({ service, address })
      await view.shows({ [address]: 'weight=1' })
      for (const metadata of ['state=inactive&weight=5', 'state=active&weight=6']) {
        const end = await adopt(service, address, metadata)
        const isServers = (stored: Sighting): boolean =>
          stored?.by === 'other' && stored.metadata === metadata
        await seen.until('watchEntry() to report the edit, kept by a server', isServers)
        await end()
        await view.shows({ [address]: metadata })
      }
      // The watcher sees the end of the editors' sessions before this change.
      await server.setMetadata(service, 'zone=a')
      await view.shows({ [address]: 'state=active&weight=6&zone=a' })
      for (const entries of view.since(0)) assert.ok(address in entries, 'the entry was gone in between')
      assert.deepEqual(
        member.events.all.map(({ event, why }) => why ?? event),
        ['registered'],
      )
      // A server is not an editor: it keeps the address even while an editor changes its metadata.
      const rival = await trial.rival({ service, address, metadata: 'is=second' })
      await member.events.until('the event conflict', ({ event }) => event === 'conflict')
      const end = await adopt(service, address, 'is=edited')
      await view.shows({ [address]: 'is=edited' })
      assert.equal((await rival.replaced())?.by, 'editor')
      await end()
      await view.shows({ [address]: 'state=active&weight=6&zone=a' })
      await server.close()
      await view.shows({})
    },
  ),

  'an entry that others delete is registered again, once': law(
    '`watchEntry()` of driver.ts: it must report `undefined` when the entry is gone',
    async trial => {
      const remove = trial.need('remove')
      const [service, other] = [trial.service(), trial.service()]
      const member = await trial.member().offer(service, 'n=1').offer(other).start()
      const { address, server } = member
      const view = trial.view(service)
      await view.shows({ [address]: 'n=1' })
      await remove(service, address)
      await trial.within(1_000, 'the way back', registeredTimes(member, 3))
      await view.shows({ [address]: 'n=1' })
      assert.deepEqual(await trial.listed(service), { [address]: 'n=1' })
      await server.setMetadata(service, 'n=2')
      await view.shows({ [address]: 'n=2' })
      assert.deepEqual(
        member.events.all.map(({ event, why }) => why ?? event),
        ['registered', 'registered', 'deleted', 'registered'],
      )
    },
  ),
}

/**
 * Writes `theirs` as another program, and waits until the server has taken it over. The server then writes its keys in order, as `merged`.
 */
async function edited(
  trial: Trial,
  member: Member,
  view: View,
  theirs: string,
  merged: string,
): Promise<void> {
  const edit = trial.need('edit')
  await edit(view.service, member.address, theirs)
  await view.shows({ [member.address]: merged })
}

async function registeredTimes(member: Member, times: number): Promise<void> {
  await member.events.until(
    `${times} registrations (the event registered)`,
    () => member.count('registered') >= times,
  )
}
