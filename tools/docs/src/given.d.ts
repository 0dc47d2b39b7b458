// Declarations that fragments in the guides may use, because the program around them would contain these.
import type { Discovery, XClient as RpcxClient, Server as RpcxServer } from '@rpcx/core'

interface Args {
  A: number
  B: number
}

interface ArithService {
  Mul(args: Args): { C: number }
}

declare global {
  const server: RpcxServer
  const discovery: Discovery
  const arith: RpcxClient<ArithService>
  class Arith implements ArithService {
    Mul(args: Args): { C: number }
  }
  /** PEM. */
  const ca: string
  const cert: string
  const key: string
  const secret: string
}
