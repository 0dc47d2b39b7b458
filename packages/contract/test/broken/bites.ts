/** Which registries break which law, and what the law then says. */
export const bites: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'a watch tells what is there, then each change, until its signal aborts': {
    'does not notice a loss': /in vain for n=1/,
  },
  'the version of an entry grows with each write, also after it was gone': {
    'does not count its writes': /another version than a watch says/,
  },
  'an entry is ours, nobody’s or another server’s, as it was written': {
    'takes every entry for its own': /'other'/,
  },
  'what an earlier session left is known to be ours': {
    'forgets its earlier sessions': /'earlier'/,
  },
  'nothing is written over what was not seen': {
    'writes over what others wrote': /written over what was there/,
  },
  'remove() takes out what its session keeps, and nothing else': {
    'withdraws what a successor holds': /removed a successor’s/,
  },
  'what was registered is discovered with its exact address and metadata': {
    'writes metadata its own way': /exactly/,
  },
  'close() withdraws all that was registered': {
    'forgets to withdraw': /deep-equal/,
  },
  'unregister() withdraws that service only': {
    'withdraws all that it holds': /deep-equal|setMetadata|not kept/,
    'withdraws later than it says': /deep-equal/,
  },
  'setMetadata() reaches those who watch, never through an empty list': {
    'tells a change as a removal first': /deep-equal/,
  },
  'the last of many setMetadata() stands': {
    'repeats its first write after each': /n=13|stands|came back|not kept/,
  },
  'calls and connections are written as Go writes them': {
    'does not write figures': /deep-equal/,
  },
  'a plugin whose registry is down holds up no other': {
    'forgets to withdraw': /deep-equal/,
  },
  'one plugin serves several servers': {
    'has one session for all': /is=staying/,
  },
  'the first list is empty when there is nothing, and the first server is seen': {
    'says nothing of an empty list': /not kept|no list within/,
  },
  'list() and watch() give the same, in address order, frozen': {
    'leaves out the last of a list': /exactly/,
  },
  'a slow reader skips to the newest state': {
    'tells changes in the wrong order': /n=20/,
  },
  'services do not see each other, however alike their names': {
    'shows a2 under a': /exactly/,
  },
  'what is no server is ignored, told once, and the rest is served': {
    'gives up on an entry that is no server': /last was undefined/,
  },
  'abort ends a wait and a loop, and only those': {
    'says nothing of an empty list': /last was undefined/,
  },
  'close() ends all loops, and what is asked after it': {
    'never finishes to close': /close\(\) took/,
  },
  'a change between list and watch is seen': {
    'loses a change between list and watch': /n=1"/,
    'puts before it replaces': /n=\d"/,
  },
  'a service is followed once, however many watch it': {
    'stops to follow after its first list': /deep-equal/,
  },
  'many services of one program give no warning of a leak': {
    'lets each service listen to one signal': /abort listeners added/,
  },
  'those who watch hear of changes only': {
    'reads the list again and again': /deep-equal/,
  },
  'what was missed is found when the list is read again': {
    'follows once per session': /is=coming/,
    'keeps the old list when it reads a new one': /is=coming/,
  },
  'a server at rest stays, for twice the life of its session': {
    'never renews its session': /expected no event in 800 ms at rest; came lost[\s\S]*Look at what renews/,
  },
  'the directories of an entry are there': {
    'makes no directories': /missing is the directory of[\s\S]*Look at `watch/,
  },
  'a change is told when it happens, not at the next look': {
    'only looks once a second': /expected most changes within[\s\S]*only poll/,
  },
  'what is written while a service begins to be followed is seen': {
    'reads the list before it subscribes': /never told tcp@[\s\S]*subscribe before/,
  },
  'what was subscribed to is released when its signal aborts': {
    'releases nothing before its session closes': /there is .*a watch of[\s\S]*signal aborts/,
  },
  'nothing is told of a service once the signal of watchService() has aborted': {
    'replaces the list after its signal has aborted': /expected nothing; came replace\(\) after an abort/,
  },
  'an edit by others is kept by the next figures, which are ours': {
    'writes over what others wrote': /deep-equal/,
  },
  'an edit by others is kept by a registration that comes back': {
    'writes over what others wrote': /state=inactive/,
  },
  'an edit by others stands until setMetadata() sets its key': {
    'writes over what others wrote': /state=inactive/,
  },
  'an edit is an edit whoever keeps the entry since, and the entry is ours again': {
    'gives way to those who edit': /in vain|gone in between/,
    'takes a live stranger for its own earlier life': /kept by a server/,
  },
  'an entry that others delete is back, once': {
    'does not notice a loss': /3 registrations/,
    'comes back late': /the way back took/,
  },
  'a claim replaces the entry that an earlier process left': {
    'withdraws what a successor holds': /gone in between/,
    'claims nothing that was there before': /not kept/,
  },
  'of two live servers at one address the later has it, and the earlier waits': {
    'takes a live stranger for its own earlier life': /conflict/,
  },
  'the server that lost its address leaves the other alone when it closes': {
    'takes along what a successor holds when it closes': /strictly equal|deep-equal|gone/,
  },
  'a session that is ended from outside is replaced': {
    'does not notice the end of its session': /both registrations/,
  },
  'an outage that is over soon changes nothing': {
    'does not notice an outage': /registryDown/,
  },
  'an outage longer than a session shrinks no list, and the registry is right after it': {
    'empties the list in an outage': /changed while/,
  },
  'a server starts while its registry is down, and is registered when it is up': {
    'takes a registry that is down for a mistake': /down/,
  },
  '`required: true` makes serve() reject while the registry is down': {
    'says that it is registered when it is not': /rejection/,
  },
  'list() with timeoutMs rejects with what the registry said': {
    'says that it is registered when it is not': /registryDown/,
  },
  'close() resolves within 5 s while the registry is out of reach, and the rest goes by itself': {
    'forgets to withdraw': /exactly {}/,
  },
  'no server is listed while a connect to it would be refused': {
    'forgets to withdraw': /still listed/,
  },
  '200 times opened and closed leave nothing behind': {
    'leaves its watches behind': /left in the registry/,
    'leaves a timer behind': /left in this process/,
  },
  'at rest every list equals the registry, whatever happened before': {
    'keeps the old list when it reads a new one': /exactly[\s\S]*RPCX_SEED=7 /,
  },
}
