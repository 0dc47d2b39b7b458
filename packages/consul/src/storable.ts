/**
 * Returns whether Consul's HTTP API can store this key. Each part between slashes is a segment of the URL's path. Go's HTTP server rewrites
 * a path that contains `.`, `..` or an empty segment, so the response would be about another key.
 */
export function isStorable(key: string): boolean {
  return key.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
