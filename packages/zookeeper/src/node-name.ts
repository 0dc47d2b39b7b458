/** Checks the name of a node. @throws TypeError that names the option when ZooKeeper does not allow the name */
export function checkNodeName(what: string, name: string): void {
  if (isNodeName(name)) return
  throw new TypeError(`zookeeper: ${what} is ${JSON.stringify(name)}, which no node can have as its name`)
}

export function isNodeName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !REFUSED.test(name)
}

// The characters that ZooKeeper rejects in a name, and the slash, which separates names.
const REFUSED = /[/\p{Cc}\u{d800}-\u{f8ff}\u{fff0}-\u{10ffff}]/u
