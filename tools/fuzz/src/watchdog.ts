import { Worker } from 'node:worker_threads'

/** Ends the process, with what it was about, when one input takes so long that no time can be measured any more. */
export class Watchdog {
  readonly #number = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker

  constructor(name: string, seed: number) {
    const workerData = {
      number: this.#number,
      what: `${name} (RPCX_SEED=${seed})`,
      limitMs: HANG_MS,
      pid: process.pid,
    }
    this.#worker = new Worker(WATCH, { eval: true, workerData })
    this.#worker.unref()
  }

  began(number: number): void {
    this.#number[0] = number
  }

  stop(): void {
    void this.#worker.terminate()
  }
}

const HANG_MS = 30_000

// The main thread does not run its event loop meanwhile, so this one has to end the process.
const WATCH = `
const { workerData: { number, what, limitMs, pid } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
let last = -1
setInterval(() => {
  if (number[0] === last) {
    writeSync(2, 'HUNG: ' + what + ', input ' + last + '\\n')
    process.kill(pid, 'SIGKILL')
  }
  last = number[0]
}, limitMs)
`
