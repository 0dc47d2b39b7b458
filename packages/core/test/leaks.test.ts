import { describe, expect, test } from 'vitest'
import { Program } from './program.ts'
import { closing } from './rig.ts'

describe('200 servers and clients, opened, used and closed one after the other', () => {
  test.each(['tcp', 'memu'])('over %s leave no handle, timer, listener or memory behind', async network => {
    const program = closing(new Program('open-close', network, '200'))
    const { before, after, grownKiB, ...rest } = JSON.parse(await program.line(0))
    expect(after).toBe(before)
    expect(after).not.toMatch(/Timeout|TCP|Immediate/)
    expect(rest).toEqual({ warnings: [], listeners: 0 })
    // 10 KiB each: a server alone is larger.
    expect(grownKiB).toBeLessThan(2_000)
    expect(await program.exit).toEqual({ code: 0, signal: null })
  })
})
