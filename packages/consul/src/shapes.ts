/** A check whether a response has the expected shape. The registry is not trusted, so each response is checked before use. */
export type Shape = (body: unknown) => boolean

/** Returns a check for a list of keys and values, each at `key`, or below it with `recurse`. */
export function itemsAt(key: string, recurse: boolean): Shape {
  const isThere = (found: unknown): boolean => (recurse ? String(found).startsWith(key) : found === key)
  return body => isList(body, item => isItem(item) && isThere(item.Key))
}

/** The instances of a service. */
export const instanceList: Shape = body => isList(body, isInstance)

/** The services of one agent by id. */
export const serviceMap: Shape = body => isRecord(body) && Object.values(body).every(isService)

/** A session that was created. */
export const madeSession: Shape = body => isRecord(body) && isName(body.ID)

/** The results of a transaction. */
export const transactionResults: Shape = body =>
  isRecord(body) &&
  isList(body.Results, ({ KV }) => isRecord(KV) && isIndex(KV.ModifyIndex)) &&
  body.Results.length > 0

function isItem({ Key, Value, Flags, ModifyIndex, Session }: Fields): boolean {
  return (
    typeof Key === 'string' &&
    (Value === null || (typeof Value === 'string' && BASE64.test(Value))) &&
    (typeof Flags === 'string' || typeof Flags === 'number') &&
    isIndex(ModifyIndex) &&
    isOptional(Session, isName)
  )
}

function isInstance({ Node, Service }: Fields): boolean {
  return (
    isRecord(Node) &&
    typeof Node.Node === 'string' &&
    typeof Node.Address === 'string' &&
    isMeta(Node.Meta) &&
    isService(Service) &&
    isIndex((Service as Fields).ModifyIndex)
  )
}

function isService(service: unknown): boolean {
  if (!isRecord(service)) return false
  const { ID, Service, Kind, Tags, Address, Port, Meta, Weights } = service
  return (
    typeof ID === 'string' &&
    typeof Service === 'string' &&
    isOptional(Kind, kind => typeof kind === 'string') &&
    (Tags === null || isOptional(Tags, tags => Array.isArray(tags) && tags.every(isText))) &&
    isOptional(Address, isText) &&
    isOptional(Port, port => typeof port === 'number') &&
    isMeta(Meta) &&
    isOptional(Weights, weights => isRecord(weights) && typeof weights.Passing === 'number')
  )
}

function isMeta(meta: unknown): boolean {
  return meta === undefined || meta === null || (isRecord(meta) && Object.values(meta).every(isText))
}

function isIndex(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= 100
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isOptional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value)
}

type Fields = Readonly<Record<string, unknown>>

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isList(value: unknown, is: (item: Fields) => boolean): value is readonly Fields[] {
  return Array.isArray(value) && value.every(item => isRecord(item) && is(item))
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
