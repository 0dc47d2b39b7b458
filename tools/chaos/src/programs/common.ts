import { createInterface } from 'node:readline'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { say } from '@rpcx/testing/programs'

/** Reports uncaught exceptions, unhandled rejections and warnings about leaks. */
export function complain(): void {
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    say({ event: 'complaint', what: `${origin}: ${error.stack ?? error}` })
  })
  process.on('warning', ({ name, message }) => {
    if (name === 'MaxListenersExceededWarning') say({ event: 'complaint', what: `${name}: ${message}` })
  })
}

/** Runs the commands that come as lines, such as `block <ms>` and `memory`. Exits when the parent process ends. */
export function obey(commands: Readonly<Record<string, (argument: string) => void>>): void {
  const lines = createInterface(process.stdin)
  lines.on('line', line => {
    const [what = '', argument = ''] = line.split(' ')
    if (what === 'block') block(Number(argument))
    else if (what === 'memory') tellMemory()
    else commands[what]?.(argument)
  })
  lines.on('close', () => process.exit())
  // Commands must not keep a process alive that has nothing else to do.
  if ('unref' in process.stdin) (process.stdin as NodeJS.ReadStream).unref()
}

/** Blocks the event loop, as a method that computes does. */
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
