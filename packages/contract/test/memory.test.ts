import { registryContract } from '@rpcx/contract'
import { describe, test } from 'vitest'
import { memoryBench } from './memory/bench.ts'

describe('a correct registry keeps every law', () => {
  registryContract(test, () => memoryBench())
})
