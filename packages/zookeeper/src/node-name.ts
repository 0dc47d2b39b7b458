/** @throws TypeError that names the option when a node cannot have this name */
export function checkNodeName(what: string, name: string): void {
  if (isNodeName(name)) return
  throw new TypeError(`zookeeper: ${what} is ${JSON.stringify(name)}, which no node can have as its name`)
}

export function isNodeName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !REFUSED.test(name)
}

// What ZooKeeper refuses in a name, and what would make a path of it.
const REFUSED = /[/\p{Cc}\u{d800}-\u{f8ff}\u{fff0}-\u{10ffff}]/u
