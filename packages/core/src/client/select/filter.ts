import type { Endpoint } from '../../discovery/discovery.ts'
import { parseMetadata } from '../../metadata.ts'

/**
 * Returns whether a server may be called: its metadata has no `state=inactive`, and has the group if the client asks for one. A server
 * whose metadata cannot be parsed may be called, as in Go (filterByStateAndGroup in client/xclient_discovery.go).
 */
export function mayBeCalled({ metadata, values }: Endpoint, group: string | undefined): boolean {
  if (values.get('state')?.[0] === 'inactive') return false
  if (group === undefined || values.get('group')?.includes(group)) return true
  return values.size === 0 && !parseMetadata(metadata).valid
}
