import { cpus, machine, release, type } from 'node:os'
import type { Row } from '../row.ts'
import { tables } from './tables.ts'

/** BENCHMARKS.md */
export function page(rows: readonly Row[], rounds: string): string {
  return `# Benchmarks

Written by \`npm run bench -- --publish\`: Node ${process.version} on ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'} (${machine()}), ${type()} ${release()}.

![Calls a second, on a logarithmic scale](tools/bench/results/bench.svg)

${tables(rows)}
## How it is measured

* Client and server are processes of their own on one machine, over loopback, with one connection unless the row says otherwise.
  All contestants run in the same run, in turns, for ${rounds} rounds or more; a ratio is the median of the ratios within the rounds, since
  machines change their speed. Where it has to be close to 1, processes are started anew every second round. All figures of each round
  are in [bench.json](tools/bench/results/bench.json).
* **rpcx** has its default options: deadlines, heartbeats, ejection, retry budget, metrics.
* **floor** is the least that has to be done: the frames that rpcx sends for the same calls, all of a tick encoded into one buffer and
  written once, parsed in place; values are encoded and decoded by the codec of rpcx. No promise, no pending call, no clock. rpcx can be
  ahead of it with some 100 calls under way: it sends the first 32 messages of a tick at once, and both sides work at the same time.
* **promised** is the floor with a promise for each call and a view of its reply, and nothing else: what it loses to the floor, in calls a
  second and in its slowest calls, any client loses whose calls can be awaited.
* **tcp** sends as many bytes as a frame of rpcx has to and fro, one message at a time, and nothing else. It gets new memory for each read,
  as sockets do by default; rpcx's client keeps the memory that it reads into, which saves about as much as a call adds.
* **grpc-js**, **connect** (gRPC over HTTP/2) and **http** (\`node:http\`, called by undici over 32 connections) echo the same bytes. **moleculer**
  uses its TCP transporter with notepack, without validation, metrics and tracing. Sources: [tools/bench](tools/bench/src/contestants).
* The client that calls at an even rate does not wait for replies; times count from when a call was due, once the rate has gone on for half a
  second. It is half of the highest at which calls of rpcx do not pile up. Each collection of memory wakes threads, for which two busy processes
  leave no processor: the row without them (\`node --single-threaded-gc\`, for both) says what that makes.
`
}
