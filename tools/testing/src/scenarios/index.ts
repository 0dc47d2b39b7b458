export { startsFromItsCache } from './cached-list.ts'
export { leavesNoHandle, letsAProcessEnd } from './closing.ts'
export type { Malformed } from './foreign-entries.ts'
export { ignoresTheMalformed, malformed, tellsServicesApart } from './foreign-entries.ts'
export type { Leaving } from './killed-registry.ts'
export { changesNothingWithinALife, closesOutOfReach, goesOnForAMinute } from './killed-registry.ts'
export type { Large } from './large-list.ts'
export { numbered, staysUsable } from './large-list.ts'
export type { Silence } from './mass-loss.ts'
export { callsGoOnThroughAMassLoss } from './mass-loss.ts'
export type { ByHand, KeyValue, Recording, Watched } from './recording.ts'
export { followsAsGo, listsAsGo, readRecording, readsOneTick, undialable } from './recording.ts'
export type { OldLife } from './registration.ts'
export { isSeenByWhoWaited, outlastsAnEarlierOne, survivesARestart } from './registration.ts'
export type { Fault, Registry, Stored } from './registry.ts'
export { SOMEONE } from './registry.ts'
export { leavesNothingBehind } from './retries.ts'
export type { Pause, Shown } from './server-process.ts'
export {
  comesBackOnce,
  goesWhenKilled,
  isListedOnlyWhileItAccepts,
  staysWhileItBlocks,
} from './server-process.ts'
export type { CutOff, Hang } from './unreachable-registry.ts'
export { keepsEntriesThroughAHang, restoresEntriesCutOff, rightsListsCutOff } from './unreachable-registry.ts'
export type { Wipe } from './watched-list.ts'
export { endsUnanswered, followsAfterAWipe, missesNoChange, noticesThatItIsStale } from './watched-list.ts'
