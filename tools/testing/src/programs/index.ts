export { followAndCall } from './client.ts'
export { say, settings } from './say.ts'
export type { Served } from './server.ts'
export { serveEcho } from './server.ts'
