export interface Args {
  readonly A: number
  readonly B: number
}

export interface ArithService {
  Mul(args: Args): { readonly C: number }
}
