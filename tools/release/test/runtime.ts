import { nodeBinary, nodes, tool } from './consumer.ts'

/** A program that runs TypeScript files. */
export interface Runtime {
  readonly name: string
  /** The arguments before the name of the file. */
  command(): Promise<readonly string[]>
}

/** The supported ones, each installed from npm. */
export const runtimes: readonly Runtime[] = [
  ...nodes.map(version => ({
    name: `Node ${version}`,
    command: async () => [await nodeBinary(version), '--import', 'tsx'],
  })),
  {
    name: 'Bun 1.4.5',
    command: async () => [await tool(`@oven/bun-${process.platform}-${named('aarch64')}@1.4.5`, 'bin/bun')],
  },
  {
    name: 'Deno 2.9.6',
    command: async () => [
      await tool(`@deno/${process.platform}-${named('arm64')}${libc}@2.9.6`, 'deno'),
      ...['run', '--allow-all', '--no-prompt'],
    ],
  },
]

const libc = process.platform === 'linux' ? '-glibc' : ''

/** The processor, as in package names. */
function named(arm64: string): string {
  return process.arch === 'arm64' ? arm64 : process.arch
}
