import { expect, test } from 'vitest'
import { closing } from '../helpers.ts'
import { Program } from '../program.ts'

test.each(['heartbeats', 'calls'])(
  'unauthenticated bytes cost about as much as echoing them: %s',
  async kind => {
    const program = closing(new Program('unauthenticated', kind))
    const ratios = (await program.line(0)).split(' ').map(Number)
    console.info(`${kind}: ${ratios.join(', ')} of an echo`)
    const median = ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)]
    // The target is 1.2, but the machine that runs this test has other load.
    expect(median).toBeLessThan(2)
  },
)
