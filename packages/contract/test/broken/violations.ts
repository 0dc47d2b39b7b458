/** The flaws that break each law, and the expected error of the law. */
export const violations: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'watchEntry() reports the current entry, then each change, until its signal aborts': {
    'does not notice the loss of an entry':
      /in vain for watchEntry\(\) to report the metadata n=1 that another session wrote/,
  },
  'the version of an entry grows with each write, also after it was deleted': {
    'keeps the version when it writes': /another version than a watch says/,
  },
  'an entry belongs to this session, to nobody or to another server, as it was written': {
    'treats every entry as its own': /'other'/,
  },
  'an entry that an earlier session left is recognised': {
    'does not recognise its earlier sessions': /'earlier'/,
  },
  'write() replaces nothing that the server has not seen': {
    'overwrites the changes of others': /written over what was there/,
  },
  'remove() deletes an entry of its own session, and no other': {
    'withdraws the entry of a successor': /removed a successor’s/,
  },
  'a server is discovered with its exact address and metadata': {
    'rewrites metadata in its own format': /exactly/,
  },
  'close() withdraws all services of the server': {
    'forgets to withdraw': /deep-equal/,
  },
  'unregister() withdraws only that service': {
    'withdraws all entries of its session': /deep-equal|setMetadata|not kept/,
    'withdraws after it says that it has': /deep-equal/,
  },
  'setMetadata() reaches every watch, never through an empty list': {
    'reports a change as a removal first': /deep-equal/,
  },
  'the last of many setMetadata() wins': {
    'repeats its first write after each later one': /n=13|stands|came back|not kept/,
  },
  "calls and connections are written in Go's format": {
    'does not write metrics': /deep-equal/,
  },
  'a plugin whose registry is down does not delay other plugins': {
    'forgets to withdraw': /deep-equal/,
  },
  'one plugin registers several servers': {
    'has one session for all servers': /is=staying/,
  },
  'the first list is empty when there are no servers, and the first server is seen': {
    'does not report an empty list': /not kept|no list within/,
  },
  'list() and watch() return the same frozen lists, in the order of addresses': {
    'leaves out the last entry of a list': /exactly/,
  },
  'a slow reader of watch() skips to the newest list': {
    'reports changes in the wrong order': /n=20/,
  },
  "services with similar names do not see each other's servers": {
    'shows a2 under a': /exactly/,
  },
  'a malformed entry is ignored and reported once, and the others are listed': {
    'fails on a malformed entry': /last was undefined/,
  },
  'an aborted signal ends its own list() or watch(), and no other': {
    'does not report an empty list': /last was undefined/,
  },
  'close() ends all watches, and later calls reject': {
    'never finishes closing': /close\(\) took/,
  },
  'a change between the first list and the watch is seen': {
    'loses a change between list and watch': /n=1"/,
    'reports entries before it reports the list': /n=\d"/,
  },
  'a service has one watch at the registry, however many clients watch it': {
    'stops watching after its first list': /deep-equal/,
  },
  'many services of one program cause no warning about listeners': {
    'lets each service listen to one signal': /abort listeners added/,
  },
  'watches report changes only': {
    'reads the list again and again': /deep-equal/,
  },
  'a missed change is found when the list is read again': {
    'watches a service once per session': /is=coming/,
    'keeps the old list when it reads a new one': /is=coming/,
  },
  'an idle server stays registered for two TTLs': {
    'never renews its session': /expected no event in 800 ms at rest; came lost[\s\S]*Look at what renews/,
  },
  'the directories above an entry exist': {
    'creates no directories': /missing is the directory of[\s\S]*Look at `watch/,
  },
  'a change is reported when it happens, not at the next poll': {
    'polls once a second': /expected most changes within[\s\S]*only poll/,
  },
  'entries that are written while a watch starts are reported': {
    'reads the list before it subscribes': /never reported tcp@[\s\S]*subscribe before/,
  },
  'subscriptions are released when their signal aborts': {
    'releases no subscription before its session closes': /there is .*a watch of[\s\S]*signal aborts/,
  },
  'watchService() reports nothing once its signal has aborted': {
    'replaces the list after its signal has aborted': /expected nothing; came replace\(\) after an abort/,
  },
  'an edit by others is kept when the server writes new metrics, except for metrics in the edit': {
    'overwrites the changes of others': /deep-equal/,
  },
  'an edit by others is kept when a deleted entry is registered again': {
    'overwrites the changes of others': /state=inactive/,
  },
  'an edit by others is kept until setMetadata() sets its key': {
    'overwrites the changes of others': /state=inactive/,
  },
  'an edit through another session is kept, and the entry belongs to the server again': {
    'gives way to editors': /in vain|gone in between/,
    'treats the entry of a live server as one of its earlier sessions': /kept by a server/,
  },
  'an entry that others delete is registered again, once': {
    'does not notice the loss of an entry': /3 registrations/,
    'registers a lost entry late': /the way back took/,
  },
  'a new server replaces the entry that an earlier process left': {
    'withdraws the entry of a successor': /gone in between/,
    'never replaces an existing entry': /not kept/,
  },
  'of two live servers at one address, the later one is registered and the earlier one waits': {
    'treats the entry of a live server as one of its earlier sessions': /conflict/,
  },
  'a server that lost its address leaves the entry of the other one alone when it closes': {
    'withdraws the entry of a successor when it closes': /strictly equal|deep-equal|gone/,
  },
  'a session that others end is replaced': {
    'does not notice the end of its session': /both registrations/,
  },
  'a short outage changes no list and no entry': {
    'does not notice an outage': /registryDown/,
  },
  'an outage longer than the TTL shrinks no list, and all servers are registered after it': {
    'empties the list in an outage': /changed while/,
  },
  'a server starts while its registry is down, and registers once it is up': {
    'treats a registry that is down as misuse': /down/,
  },
  '`required: true` makes serve() reject while the registry is down': {
    'reports a registration that did not happen': /rejection/,
  },
  'list() with timeoutMs rejects with the error of the registry': {
    'reports a registration that did not happen': /registryDown/,
  },
  'close() resolves within 5 s while the registry is unreachable, and its entries expire': {
    'forgets to withdraw': /exactly {}/,
  },
  'no server is listed while it refuses connections': {
    'forgets to withdraw': /still listed/,
  },
  '200 clients and servers that open and close leave nothing behind': {
    'leaves its watches behind': /left in the registry/,
    'leaves a timer behind': /left in this process/,
  },
  'every list equals the registry once all changes have ended, whatever happened before': {
    'keeps the old list when it reads a new one': /exactly[\s\S]*RPCX_SEED=7 /,
  },
}
