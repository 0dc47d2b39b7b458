/** A registry that real servers exist for here. */
export type Kind = 'etcd' | 'zookeeper' | 'consul'

export const kinds: readonly Kind[] = ['etcd', 'zookeeper', 'consul']

/** Where a server comes from. `command` and `entrypoint` are followed by the server's own arguments. */
export type Availability =
  | { readonly from: 'environment'; readonly address: string }
  | { readonly from: 'path' | 'cache'; readonly command: readonly [string, ...string[]] }
  | { readonly from: 'docker'; readonly image: string; readonly entrypoint: readonly [string, ...string[]] }
  | { readonly from: 'nowhere'; readonly reason: string }
