/**
 * Whether Consul's HTTP API can store this key. What stands between slashes is a segment of a URL's path, and Go's HTTP server
 * rewrites a path with `.`, `..` or nothing in it: the answer is then of another key.
 */
export function isStorable(key: string): boolean {
  return key.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
