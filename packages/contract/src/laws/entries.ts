import assert from 'node:assert/strict'
import type { Entry, StoredEntry } from '@rpcx/core'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { Log } from '../log.ts'
import type { Sighting } from '../party.ts'
import type { Trial } from '../trial.ts'

/** The facts that a driver reports about one entry. The decisions of core depend on them. */
export const entries: Readonly<Record<string, Law>> = {
  'watchEntry() reports the current entry, then each change, until its signal aborts': law(
    '`watchEntry()` of driver.ts',
    async trial => {
      const entry = entryOf(trial, 1)
      const { session } = await trial.party()
      const other = await trial.party()
      const [seen, aborting] = [new Log<Sighting>(trial.signal), new AbortController()]
      const watching = session.watchEntry(
        entry.service,
        entry.address,
        stored => seen.add(stored),
        aborting.signal,
      )
      watching.catch(error => seen.fail(error))
      assert.equal(
        await seen.until('watchEntry() to report that there is no entry yet', () => true),
        undefined,
      )
      let stored = await other.claim(entry)
      for (const metadata of ['n=1', 'n=2', 'n=3']) {
        await seen.until(
          `watchEntry() to report the metadata ${metadata} that another session wrote`,
          found => found?.metadata === metadata && found.by === 'other',
        )
        stored = {
          ...stored,
          version: (await other.write({ ...entry, metadata: next(metadata) }, stored)) as bigint,
        }
      }
      await other.remove(entry)
      await seen.until(
        'watchEntry() to report that the other session removed the entry',
        found => found === undefined,
        1,
      )
      aborting.abort()
      await watching
      const mark = seen.all.length
      const later = other.watch(entry)
      await other.claim(entry)
      await later.until(
        'a second watchEntry() to report the entry, written again',
        found => found !== undefined,
      )
      assert.equal(seen.all.length, mark, 'told after its signal aborted')
    },
  ),

  'the version of an entry grows with each write, also after it was deleted': law(
    '`version` in the results of `write()` and the reports of `watchEntry()` of driver.ts: a revision of the registry, or a clock',
    async trial => {
      const entry = entryOf(trial, 2)
      const party = await trial.party()
      const stored = await party.claim(entry)
      assert.deepEqual(await party.look(entry), stored)
      const versions = [stored.version]
      const wrote = async (metadata: string, over: Sighting): Promise<void> => {
        const version = (await party.write({ ...entry, metadata }, over)) as bigint
        assert.equal(
          (await party.look(entry))?.version,
          version,
          'a write has another version than a watch says',
        )
        versions.push(version)
      }
      await wrote('n=2', stored)
      await wrote('n=2', await party.look(entry))
      if (trial.traits.edits && trial.bench.edit !== undefined) {
        await trial.bench.edit(entry.service, entry.address, 'n=3')
        versions.push((await party.look(entry))?.version as bigint)
      }
      await party.remove(entry)
      assert.equal(await party.look(entry), undefined)
      await wrote('n=4', undefined)
      versions.reduce((before, after) => {
        assert.ok(after > before, `the versions are ${versions.join(', ')}`)
        return after
      })
    },
  ),

  'an entry belongs to this session, to nobody or to another server, as it was written': law(
    '`by` in the reports of `watchEntry()` of driver.ts',
    async trial => {
      const entry = entryOf(trial, 3)
      const [us, other] = [await trial.party(), await trial.party()]
      await us.claim(entry)
      assert.equal((await us.look(entry))?.by, 'us')
      assert.equal((await other.look(entry))?.by, 'other')
      await other.claim(entry)
      assert.equal((await us.look(entry))?.by, 'other')
      assert.equal((await other.look(entry))?.by, 'us')
      if (trial.bench.put === undefined) return
      const permanent = entryOf(trial, 4)
      await trial.bench.put(permanent.service, permanent.address, permanent.metadata)
      assert.equal((await us.look(permanent))?.by, 'nobody')
      await us.claim(permanent)
      assert.equal((await us.look(permanent))?.by, 'us')
    },
  ),

  'an entry that an earlier session left is recognised': law(
    'how driver.ts recognises its earlier sessions',
    async trial => {
      const entry = entryOf(trial, 5)
      const driver = trial.bench.driver()
      const earlier = await trial.party(driver)
      await earlier.claim(entry)
      const outage = await trial.outage()
      // During the outage it cannot remove its entry.
      await earlier.close().catch(() => {})
      await outage.end()
      const found = await (await trial.party(driver)).look(entry)
      // Its TTL may have ended by now.
      if (found !== undefined) assert.equal(found.by, 'earlier')
    },
    60_000,
  ),

  'write() replaces nothing that the server has not seen': law(
    '`write()` of driver.ts: it compares and sets in one operation of the registry',
    async trial => {
      const entry = entryOf(trial, 6)
      const [one, two] = [await trial.party(), await trial.party()]
      const first = await one.claim(entry)
      const mine = { ...entry, metadata: 'is=mine' }
      assert.equal(await two.write(mine, undefined), undefined, 'it was written over what was there')
      const second: StoredEntry = { ...(await two.claim({ ...entry, metadata: 'n=2' })), by: 'other' }
      assert.equal(await one.write(mine, first), undefined, 'it was written over what came after')
      assert.equal(await one.write(mine, undefined), undefined, 'it was written over what was there')
      assert.deepEqual(await one.look(entry), second)
      await two.remove(entry)
      assert.equal(await one.write(mine, second), undefined, 'it was written over what was gone')
      assert.equal(await one.look(entry), undefined)
    },
  ),

  'remove() deletes an entry of its own session, and no other': law(
    '`remove()` of driver.ts: it compares the owner and deletes in one operation of the registry',
    async trial => {
      const entry = entryOf(trial, 7)
      const [one, two] = [await trial.party(), await trial.party()]
      await one.claim(entry)
      await two.claim(entry)
      await one.remove(entry)
      assert.equal((await two.look(entry))?.by, 'us', 'it removed a successor’s')
      await two.remove(entry)
      assert.equal(await two.look(entry), undefined)
      await two.remove(entry)
      if (trial.bench.put === undefined) return
      await trial.bench.put(entry.service, entry.address, 'n=0')
      await two.remove(entry)
      assert.equal((await two.look(entry))?.by, 'nobody', 'it removed nobody’s')
    },
  ),
}

function entryOf(trial: Trial, n: number): Entry {
  return { service: trial.service(), address: `tcp@10.9.7.${n}:8972`, metadata: 'n=1' }
}

function next(metadata: string): string {
  return `n=${Number(metadata.slice(2)) + 1}`
}
