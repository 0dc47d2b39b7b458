/** What the client process and the server process of a contestant do. */
export interface Task {
  /** The payload: echoed bytes, the arguments and reply of Arith.Mul, or an echoed object. */
  readonly exchange: 'bytes' | 'arith' | 'object'
  /** How many bytes are echoed. */
  readonly bytes?: number
  /** The key and certificate, for a connection over TLS. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string }
  /** The number of servers in the client's list. */
  readonly endpoints?: number
  /** The number of services of the server. */
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
