export { followAndCall } from './client.ts'
export { settings } from './say.ts'
export type { Served } from './server.ts'
export { serveEcho } from './server.ts'
