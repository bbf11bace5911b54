/** One pass over the due work, or the loop of a started worker: what it may begin, and what came of it. */
export interface Pass {
  /** How many turns and messages may still begin. */
  room: number;
  /** Messages that were handed to the provider, settled or cancelled. */
  sent: number;
  /** Messages about which nothing could be done: the pass does not try them again. `null` in the loop, which does. */
  readonly idle: Set<string> | null;
}

export function newPass(room: number): Pass {
  return { room, sent: 0, idle: new Set() };
}

/** What a started worker begins in its loop. */
export function endlessPass(): Pass {
  return { room: Number.POSITIVE_INFINITY, sent: 0, idle: null };
}
