import type { ServerHooks } from '@rpcx/core'

/** Returns hooks that call the hooks of two registries. */
export function combineHooks(a: ServerHooks, b: ServerHooks): ServerHooks {
  return {
    registering(...service) {
      a.registering?.(...service)
      b.registering?.(...service)
    },
    registered(...service) {
      a.registered?.(...service)
      b.registered?.(...service)
    },
    async changed(...service) {
      await Promise.all([a.changed?.(...service), b.changed?.(...service)])
    },
    async unregistered(service) {
      await Promise.all([a.unregistered?.(service), b.unregistered?.(service)])
    },
    async listening(address, waiting) {
      await Promise.all([a.listening?.(address, waiting), b.listening?.(address, waiting)])
    },
    async published() {
      await Promise.all([a.published?.(), b.published?.()])
    },
    async closing() {
      await Promise.all([a.closing?.(), b.closing?.()])
    },
  }
}
