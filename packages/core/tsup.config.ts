import type { Options } from 'tsup'
import { library } from '../../tools/tsup.ts'

const config: Options[] = library()

export default config
