import { registryContract } from '@rpcx/contract'
import { describe, test } from 'vitest'
import { memoryBench } from './memory/bench.ts'

describe('an honest registry keeps every law', () => {
  registryContract(test, () => memoryBench())
})
