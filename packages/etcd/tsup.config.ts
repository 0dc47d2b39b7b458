import type { Options } from 'tsup'
import { library } from '../../tools/tsup.ts'
import { withSchema } from './with-schema.ts'

const config: Options[] = library({ plugins: [withSchema], inside: [/./] })

export default config
