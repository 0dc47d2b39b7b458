import { Worker } from 'node:worker_threads'

/** Ends the process and prints the current input when one input blocks the process for too long. */
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

// The event loop of the main thread is blocked, so this thread must end the process.
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
