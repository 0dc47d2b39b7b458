import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { nft } from '@rpcx/servers'
import { Log, Program } from '@rpcx/testing'

const run = promisify(execFile)

/**
 * Resolves to whether hosts can be made here. In CI rejects instead of resolving to false; elsewhere says on standard error why
 * the tests are skipped.
 */
export async function requireHosts(): Promise<boolean> {
  try {
    if (process.getuid?.() !== 0) throw new Error('only root may make network namespaces')
    const hosts = await Hosts.make(1)
    await hosts.close()
    return true
  } catch (error) {
    const reason = `no hosts of their own: ${(error as Error).message}`
    if (process.env.CI) throw new Error(reason)
    process.stderr.write(`\nSKIPPED, ${reason}\n`)
    return false
  }
}

/** Several hosts on one network: network namespaces, joined by a bridge. `close()` removes all of them. */
export class Hosts {
  readonly #prefix = `rpcx${process.pid}-${randomInt(1_000, 9_999)}`
  readonly #family: 'ipv4' | 'ipv6'
  readonly #spaces: string[] = []
  readonly #programs: Program[] = []
  readonly #scripts: Script[] = []

  private constructor(family: 'ipv4' | 'ipv6') {
    this.#family = family
  }

  /** @param family the family of their addresses. Hosts with IPv6 have no IPv4 address. */
  static async make(count: number, family: 'ipv4' | 'ipv6' = 'ipv4'): Promise<Hosts> {
    const hosts = new Hosts(family)
    try {
      const bridge = await hosts.#space('switch')
      await hosts.#in(bridge, 'ip link add bridge type bridge mcast_snooping 0')
      await hosts.#in(bridge, 'ip link set bridge up')
      for (let n = 1; n <= count; n++) {
        const host = await hosts.#space(`host${n}`)
        await hosts.#in(bridge, `ip link add port${n} type veth peer name eth0 netns ${host}`)
        await hosts.#in(bridge, `ip link set port${n} master bridge up`)
        await hosts.#in(host, 'ip link set lo up')
        await hosts.#in(
          host,
          family === 'ipv4'
            ? `ip addr add ${hosts.address(n)}/24 dev eth0`
            : `ip addr add ${hosts.address(n)}/64 dev eth0 nodad`,
        )
        await hosts.up(n)
      }
      return hosts
    } catch (error) {
      await hosts.close()
      throw error
    }
  }

  /** Returns the address of host number `n`, from 1 on. */
  address(n: number): string {
    return this.#family === 'ipv4' ? `10.77.0.${n}` : `fd77::${n}`
  }

  /** A program of `test/programs` on that host, which has a name of its own unless `hostname` says otherwise. */
  program(n: number, name: string, settings: object, hostname: string = `host${n}`): Program {
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    const named = ['unshare', '--uts', 'sh', '-c', `hostname ${hostname}; exec "$@"`, 'sh']
    const program = new Program(file, settings, ['ip', 'netns', 'exec', this.#name(n), ...named])
    this.#programs.push(program)
    return program
  }

  /** Runs a script on that host, for its lines of output. It sees a file system in which it can change what it likes. */
  script(n: number, script: string): Script {
    const made = new Script(['ip', 'netns', 'exec', this.#name(n), 'unshare', '--mount', 'sh', '-c', script])
    this.#scripts.push(made)
    return made
  }

  up(n: number): Promise<void> {
    return this.#in(this.#name(n), 'ip link set eth0 up')
  }

  down(n: number): Promise<void> {
    return this.#in(this.#name(n), 'ip link set eth0 down')
  }

  /** Makes every host lose this share of its incoming packets. */
  async lose(percent: number): Promise<void> {
    const rules = [
      'add table inet loss',
      'add chain inet loss input { type filter hook input priority 0; }',
      `add rule inet loss input iif != lo meta l4proto udp numgen random mod 100 < ${percent} drop`,
    ]
    const command = await nft()
    for (const space of this.#spaces.slice(1)) {
      await run('ip', ['netns', 'exec', space, ...command, rules.join('; ')])
    }
  }

  /** Resolves to the number of mDNS packets that a host has sent since the count began. */
  async count(n: number): Promise<() => Promise<number>> {
    const command = await nft()
    const rules = [
      'add table inet count',
      'add chain inet count output { type filter hook output priority 0; }',
      'add rule inet count output oif != lo udp dport 5353 counter',
    ]
    const within = ['netns', 'exec', this.#name(n), ...command]
    await run('ip', [...within, rules.join('; ')])
    return async () => {
      const { stdout } = await run('ip', [...within, 'list table inet count'])
      return Number(/counter packets (\d+)/.exec(stdout)?.[1])
    }
  }

  async close(): Promise<void> {
    for (const program of this.#programs.splice(0)) await program.close()
    for (const script of this.#scripts.splice(0)) await script.close()
    for (const space of this.#spaces.splice(0)) await run('ip', ['netns', 'del', space])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #name(n: number): string {
    return `${this.#prefix}-host${n}`
  }

  async #space(name: string): Promise<string> {
    const space = `${this.#prefix}-${name}`
    await run('ip', ['netns', 'add', space])
    this.#spaces.push(space)
    return space
  }

  async #in(space: string, command: string): Promise<void> {
    await run('ip', ['netns', 'exec', space, ...command.split(' ')])
  }
}

/** A shell script, with the output of it and its programs. */
export class Script {
  readonly lines: Log<string> = new Log<string>()
  readonly #process: ChildProcess
  readonly #exit: Promise<unknown>

  constructor([command = '', ...args]: readonly string[]) {
    // A process group of its own, so that all of it can be ended.
    this.#process = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    this.#exit = once(this.#process, 'close')
    if (this.#process.stdout !== null) {
      createInterface(this.#process.stdout).on('line', line => this.lines.add(line))
    }
  }

  async close(): Promise<void> {
    if (this.#process.pid !== undefined && this.#process.exitCode === null)
      process.kill(-this.#process.pid, 'SIGKILL')
    await this.#exit
  }
}
