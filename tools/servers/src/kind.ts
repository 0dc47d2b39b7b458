/** A registry of which these tools can start real servers. */
export type Kind = 'etcd' | 'zookeeper' | 'consul'

export const kinds: readonly Kind[] = ['etcd', 'zookeeper', 'consul']

/** Where the program of a server comes from. The server's arguments follow `command` or `entrypoint`. */
export type Availability =
  | { readonly from: 'environment'; readonly address: string }
  | { readonly from: 'path' | 'cache'; readonly command: readonly [string, ...string[]] }
  | { readonly from: 'docker'; readonly image: string; readonly entrypoint: readonly [string, ...string[]] }
  | { readonly from: 'nowhere'; readonly reason: string }
