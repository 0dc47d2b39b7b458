import { isRpcxError, systemClock } from '@rpcx/core'
import { Connection } from '../../../../packages/zookeeper/src/connection.ts'
import { Library } from '../../../../packages/zookeeper/src/library.ts'
import { readSettings } from '../../../../packages/zookeeper/src/settings.ts'
import { Suspects } from '../../../../packages/zookeeper/src/suspects.ts'
import type { Target } from '../target.ts'
import { nothing } from './errors.ts'

/** The requests to which the bytes may be the reply. */
const QUESTIONS = ['greeting', 'read', 'children', 'exists'] as const
const XID = 7

/** The replies of ZooKeeper, after one byte that chooses the request. The library decodes them, and our driver uses the result. */
export const jute: Target = {
  name: 'jute',
  corpus: [
    asked('greeting', greeting(4_000)),
    asked('greeting', greeting(0)),
    asked('read', answer(0, text('calls=0.00&weight=10'), stat())),
    asked('read', answer(-101)),
    asked('children', answer(0, number(2), text('tcp@127.0.0.1:8972'), text('tcp@127.0.0.1:8973'), stat())),
    asked('exists', answer(0, stat())),
    asked('exists', answer(-102)),
    asked(
      'exists',
      framed(number(-1), Buffer.alloc(8), number(0), number(4), number(3), text('/rpcx/Arith')),
      answer(0, stat()),
    ),
  ],
  tokens: ['ffffffff', '7fffffff', '00000001', 'fffffffc', '80000000', '00000400'].map(hex =>
    Buffer.from(hex, 'hex'),
  ),
  async decode(input) {
    const reports: unknown[] = []
    const owner = {
      connected: () => void reports.push('connected'),
      disconnected: (reason: Error) => void reports.push(reason),
      expired: () => void reports.push('expired'),
      notified: (path: string) => void reports.push(path),
    }
    const library = new Library(settings, owner)
    const manager = managerOf(library)
    manager.socket = { destroy() {}, setTimeout() {}, write: () => true }
    manager.xid = XID
    const question = QUESTIONS[(input[0] ?? 0) % QUESTIONS.length] ?? 'greeting'
    manager.state = question === 'greeting' ? CONNECTING : CONNECTED
    const connection = new Connection(library, {
      clock: systemClock,
      subject: 'zookeeper',
      answerMs: 60_000,
      acl: [],
      suspects: new Suspects(),
    })
    const answered = question === 'greeting' ? undefined : connection[question]('/rpcx/Arith')
    const settled = answered?.catch((error: unknown) => {
      if (!isRpcxError(error)) throw error
      return error
    })
    manager.onSocketData(input.subarray(1))
    connection.lost(new Error('there is no more'))
    return [await settled, reports]
  },
  mayThrow: nothing,
}

const settings = readSettings({ zooKeeperServers: '127.0.0.1:2181', basePath: '/rpcx' })
/** The names that the library uses. */
const CONNECTING = 1
const CONNECTED = 2

/** The private members of the library that make it believe that it is connected. */
interface Manager {
  state: number
  xid: number
  socket: object
  onSocketData(chunk: Buffer): void
}

function managerOf({ client }: Library): Manager {
  return (client as Library['client'] & { readonly connectionManager: Manager }).connectionManager
}

function asked(question: (typeof QUESTIONS)[number], ...sent: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(QUESTIONS.indexOf(question)), ...sent])
}

function greeting(timeoutMs: number): Buffer {
  return framed(
    number(0),
    number(timeoutMs),
    Buffer.alloc(8, 1),
    number(16),
    Buffer.alloc(16, 2),
    Buffer.alloc(1),
  )
}

function answer(error: number, ...payload: readonly Buffer[]): Buffer {
  return framed(number(XID), Buffer.alloc(8, 1), number(error), ...payload)
}

/** Transactions, times, versions, owner, lengths. */
function stat(): Buffer {
  return Buffer.alloc(68, 1)
}

function text(value: string): Buffer {
  return Buffer.concat([number(value.length), Buffer.from(value)])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([number(body.length), body])
}
