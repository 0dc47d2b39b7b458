import { avahi } from '@rpcx/servers'
import { describe, expect, test } from 'vitest'
import { Hosts, requireHosts } from './hosts.ts'

describe.runIf(await requireHosts())('With avahi on the same port', () => {
  test('avahi lists our servers, and we list its servers', async () => {
    await using hosts = await Hosts.make(2)
    const { bus, daemon, browse } = await avahi()
    const script = hosts.script(
      2,
      [
        'mount -t tmpfs tmpfs /run',
        // It wants a user of its own.
        'for file in passwd group; do cp /etc/$file /run/$file; done',
        'echo avahi:x:0:0::/:/bin/sh >> /run/passwd; echo avahi:x:0: >> /run/group',
        'for file in passwd group; do mount --bind /run/$file /etc/$file; done',
        `echo '${BUS}' > /run/bus.conf; echo '[server]' > /run/avahi.conf`,
        'export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus',
        `${bus.join(' ')} --config-file=/run/bus.conf --nofork &`,
        'until test -S /run/bus; do sleep 0.1; done',
        `${daemon.join(' ')} -f /run/avahi.conf --no-drop-root --no-chroot --no-rlimits &`,
        'until test -S /run/avahi-daemon/socket; do sleep 0.1; done',
        'echo avahi listens',
        `exec ${browse.join(' ')} --parsable --resolve _rpcx._tcp`,
      ].join('\n'),
    )
    await script.lines.until(line => line === 'avahi listens')
    const [beside, other] = [2, 1].map(n =>
      hosts.program(n, 'server', { services: ['Arith'], listen: '0.0.0.0:8972', metadata: `n=${n}` }),
    )
    for (const n of [1, 2]) {
      const { what } = await script.lines.until(line =>
        line.startsWith(`=;eth0;IPv4;host${n}-8972-Arith;_rpcx._tcp;`),
      )
      expect(what).toContain(`;${hosts.address(n)};8972;`)
      expect(what).toContain(`"n=${n}" "address=tcp@${hosts.address(n)}:8972" "service=Arith"`)
    }
    const client = hosts.program(2, 'client', { services: ['Arith'], interfaces: 'eth0' })
    await client.events.until(({ servers }) => Object.keys(servers ?? {}).length === 2)
    other?.say('close')
    await script.lines.until(line => line === '-;eth0;IPv4;host1-8972-Arith;_rpcx._tcp;local')
    await client.events.until(({ servers }) => Object.keys(servers ?? {}).length === 1)
    await beside?.events.until(({ event }) => event === 'published')
    expect(beside?.events.all.map(({ event }) => event)).toEqual(['registered', 'published'])
  })
})

const BUS = [
  '<busconfig><listen>unix:path=/run/bus</listen><auth>EXTERNAL</auth><policy context="default">',
  '<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>',
].join('')
