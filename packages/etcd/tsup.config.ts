import { library } from '../../tools/tsup.ts'
import { withSchema } from './with-schema.ts'

export default library({ plugins: [withSchema], inside: [/./] })
