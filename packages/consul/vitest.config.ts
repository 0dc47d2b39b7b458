import { tests } from '../../tools/vitest.ts'

export default tests
