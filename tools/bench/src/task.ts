/** What the client and the server of a contestant do, in processes of their own. */
export interface Task {
  /** What goes to and fro: bytes that are echoed; the arguments and the reply of Arith.Mul; an object that is echoed. */
  readonly exchange: 'bytes' | 'arith' | 'object'
  /** How many bytes are echoed. */
  readonly bytes?: number
  /** Key and certificate, when the connection is to be secured. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string }
  /** How many servers the client has to choose from. */
  readonly endpoints?: number
  /** How many services the server offers. */
  readonly services?: number
}

/** An object of about 1 KB, as an application would send it. */
export const order: object = {
  id: 4_711_000_001,
  customer: { name: 'A. N. Other', email: 'another@example.org', vip: true, since: 1_388_534_400 },
  lines: Array.from({ length: 10 }, (_, i) => ({
    sku: `SKU-${100_000 + i * 37}`,
    title: `Item number ${i} of this order`,
    quantity: 1 + (i % 4),
    price: 19.99 + i,
  })),
  note: 'Leave it with the neighbours when nobody opens the door.',
  tags: ['priority', 'gift', 'paid'],
}
