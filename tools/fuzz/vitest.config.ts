import { tests } from '../vitest.ts'

export default tests
