// Node 20 and 22 run no TypeScript in a worker thread, unless tsx is registered there as well.
import { register } from 'tsx/esm/api'

register()
await import('./server.ts')
