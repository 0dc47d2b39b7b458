export interface Args {
  A: number
  B: number
}

export interface Reply {
  C: number
}

/** The service of Go's rpcx examples: a Go client can call this server, and this client a Go server. */
export class Arith {
  Mul({ A, B }: Args): Reply {
    return { C: A * B }
  }
}
