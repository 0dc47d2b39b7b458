export type { Bench, Outage } from './bench.ts'
export type { ContractOptions, TestFunction } from './contract.ts'
export { laws, registryContract } from './contract.ts'
export type { Law, LawOptions, Verdict } from './law.ts'
