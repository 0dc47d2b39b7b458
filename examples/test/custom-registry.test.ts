import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '@rpcx/contract'
import { registryContract } from '@rpcx/contract'
import { describe, test } from 'vitest'
import { FolderDriver } from '../custom-registry/driver.ts'
import { Folder } from '../custom-registry/folder.ts'
import { Program } from './program.ts'

const TTL_MS = 2_000

type Forced = [service: string, address: string, next: Parameters<Folder['change']>[3]]

describe('a registry of your own', () => {
  registryContract(test, async (): Promise<Bench> => {
    const path = await mkdtemp(join(tmpdir(), 'rpcx-folder-'))
    const folder = new Folder(path, TTL_MS)
    const force = async (...[service, address, next]: Forced): Promise<void> => {
      // Someone else may be at it.
      while ((await folder.change(service, address, () => true, next)) === undefined) await sleep(1)
    }
    return {
      driver: () => new FolderDriver(path, TTL_MS),
      put: (service, address, metadata) => force(service, address, { metadata, session: '' }),
      edit: async (service, address, metadata) => {
        const session = (await folder.get(service, address))?.session ?? ''
        await force(service, address, { metadata, session })
      },
      remove: (service, address) => force(service, address, undefined),
      endSession: async (service, address) => {
        await folder.end((await folder.get(service, address))?.session ?? '')
      },
      close: () => rm(path, { recursive: true, maxRetries: 5 }),
    }
  })

  test('a client follows servers that start, stop and crash', async () => {
    const path = await mkdtemp(join(tmpdir(), 'rpcx-folder-'))
    try {
      await using client = new Program('custom-registry/client.ts', path)
      await using first = new Program('custom-registry/server.ts', '127.0.0.1:0', path)
      const [, one = ''] = await first.line(/listens at (.*)/)
      await client.line(new RegExp(`= 200, said ${one}`))

      await using second = new Program('custom-registry/server.ts', '127.0.0.1:0', path)
      const [, two = ''] = await second.line(/listens at (.*)/)
      await client.line(new RegExp(`= 200, said ${two}`))

      await first.kill('SIGTERM')
      await client.line(new RegExp(`^- ${one}`))
      await second.kill('SIGKILL')
      await client.line(new RegExp(`^- ${two}`))
    } finally {
      await rm(path, { recursive: true })
    }
  }, 30_000)
})
