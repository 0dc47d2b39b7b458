import { createInterface } from 'node:readline'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { say } from '@rpcx/testing/programs'

/** Tells of what no process should have: exceptions and rejections that nobody handles, and signs of leaks. */
export function complain(): void {
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    say({ event: 'complaint', what: `${origin}: ${error.stack ?? error}` })
  })
  process.on('warning', ({ name, message }) => {
    if (name === 'MaxListenersExceededWarning') say({ event: 'complaint', what: `${name}: ${message}` })
  })
}

/** Does what it is told by lines, `block <ms>` and `memory` among them, and ends with the process that tells it. */
export function obey(commands: Readonly<Record<string, (argument: string) => void>>): void {
  const lines = createInterface(process.stdin)
  lines.on('line', line => {
    const [what = '', argument = ''] = line.split(' ')
    if (what === 'block') block(Number(argument))
    else if (what === 'memory') tellMemory()
    else commands[what]?.(argument)
  })
  lines.on('close', () => process.exit())
  // What is told may not keep a process alive that has nothing else to do.
  if ('unref' in process.stdin) (process.stdin as NodeJS.ReadStream).unref()
}

/** As a method does that computes. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

function tellMemory(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, rss } = process.memoryUsage()
  say({ event: 'memory', heapUsed, rss })
}
