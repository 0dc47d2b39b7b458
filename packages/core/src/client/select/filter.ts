import type { Endpoint, Endpoints } from '../../discovery/discovery.ts'
import { parseMetadata } from '../../metadata.ts'

/**
 * The servers that may be called: not `state=inactive`, and of the group when one is asked for. A server whose metadata do
 * not parse stays, as in Go (filterByStateAndGroup in client/xclient_discovery.go).
 */
export function filterByStateAndGroup(endpoints: Endpoints, group: string | undefined): Endpoint[] {
  return endpoints.filter(({ metadata, values }) => {
    if (values.get('state')?.[0] === 'inactive') return false
    const isReadable = values.size > 0 || parseMetadata(metadata).valid
    return group === undefined || !isReadable || (values.get('group')?.includes(group) ?? false)
  })
}
