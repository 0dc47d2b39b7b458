import type { Endpoint } from '../../discovery/discovery.ts'
import { parseMetadata } from '../../metadata.ts'

/**
 * Whether a server may be called: it is not `state=inactive`, and of the group when one is asked for. A server whose metadata do
 * not parse stays, as in Go (filterByStateAndGroup in client/xclient_discovery.go).
 */
export function mayBeCalled({ metadata, values }: Endpoint, group: string | undefined): boolean {
  if (values.get('state')?.[0] === 'inactive') return false
  if (group === undefined || values.get('group')?.includes(group)) return true
  return values.size === 0 && !parseMetadata(metadata).valid
}
