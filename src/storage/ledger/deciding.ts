import type { Decided, LedgerDatabase, Loaded, Plan, StoredAnswer } from "../database.ts";
import { changesOf } from "./changes.ts";
import { mayConcern, refuseCorrupt, unreadCandidates } from "./concerned.ts";
import type { UnreadRow } from "./corrupt.ts";
import { type Held, nameOf } from "./held.ts";
import { type Choosing, choosesAmong } from "./plans.ts";
import type { Ahead } from "./rules/clock.ts";
import type { UnreadableRows } from "./unreadable.ts";
import { WorkingSet } from "./working-set.ts";

/** One call that can be decided alone or with others. */
export interface Entry {
  readonly plan: Plan;
  /**
   * Decides over a working set. It may run more than once: the ledger discards the working set if another call of the
   * group fails.
   */
  decide(set: WorkingSet): Verdict;
  reject(error: unknown): void;
}

export interface Verdict {
  /** What the caller gets. */
  readonly answer: unknown;
  /** The answer that a repetition of the call gets; `null` if no answer needs to be stored. */
  readonly stored: StoredAnswer | null;
  /** Gives the caller its answer, after the commit. */
  settle(): void;
}

/**
 * The decisions about a group. `verdicts`: the calls that have an answer. `failed`: the calls that failed. `deferred`:
 * the calls that the next group decides. `apart`: the calls that are decided alone, because one of their rows may be
 * unreadable. `corrupt` and `ahead` are reported to the operator.
 */
export interface Decisions {
  readonly verdicts: readonly Verdict[];
  readonly failed: readonly Failure[];
  readonly deferred: readonly Entry[];
  readonly apart: readonly Entry[];
  readonly corrupt: readonly UnreadRow[];
  readonly ahead: readonly Ahead[];
  /** Some candidates cannot be read. Nothing was decided, and the call loads again without them. */
  readonly isAgain: boolean;
}

export interface Failure {
  readonly entry: Entry;
  readonly error: unknown;
}

/**
 * Decides one call, without the bookkeeping of a group: in a service with little traffic most calls arrive alone. A
 * call that chooses among candidates skips those that cannot be read. It loads again without them until it finds no new
 * unreadable ones.
 */
export async function commitOne(database: LedgerDatabase, entry: Entry, unreadable: UnreadableRows): Promise<void> {
  const skipped = new Set<string>();
  const decide = (): Promise<Decisions> => {
    const plan = choosesAmong(entry.plan)
      ? without(entry.plan, [...unreadable.conversations(), ...skipped])
      : entry.plan;
    return database.decide([plan], (loaded) => decideOne({ ...entry, plan }, loaded, unreadable));
  };
  try {
    for (;;) {
      const decisions = await unreadable.discarding(database, decide);
      unreadable.note(decisions.corrupt);
      unreadable.noteAhead(decisions.ahead);
      for (const { settle } of decisions.verdicts) settle();
      if (!decisions.isAgain) return;
      for (const { conversationId } of decisions.corrupt) if (conversationId !== null) skipped.add(conversationId);
      await unreadable.look(database);
    }
  } catch (error) {
    entry.reject(unreadable.refusal(error));
  }
}

function without(plan: Choosing, conversations: readonly string[]): Plan {
  return conversations.length === 0 ? plan : { ...plan, root: { ...plan.root, without: conversations } };
}

const NOTHING_DECIDED = {
  verdicts: [],
  failed: [],
  deferred: [],
  apart: [],
  corrupt: [],
  ahead: [],
  isAgain: false,
} as const;

function decideOne(entry: Entry, loaded: Loaded, unreadable: UnreadableRows): Decided<Decisions> {
  const set = new WorkingSet(loaded);
  set.turnTo(entry.plan, 0);
  const { corrupt } = loaded;
  unreadable.noteClock(loaded.now);
  // A repeated call gets its first answer, even if its rows have become unreadable.
  if (set.storedAnswer() === undefined) {
    if (!choosesAmong(entry.plan)) refuseCorrupt(entry.plan, loaded, set);
    else if (unreadable.isDue(loaded.now) || unreadCandidates(entry.plan, loaded).length > 0) {
      return { answer: { ...NOTHING_DECIDED, corrupt, isAgain: true }, changes: null };
    }
  }
  const verdict = entry.decide(set);
  const changes = changesOf(set, verdict.stored === null ? [] : [verdict.stored]);
  return { answer: { ...NOTHING_DECIDED, verdicts: [verdict], corrupt, ahead: set.ahead.found }, changes };
}

/** Decides a group of calls over the rows that were loaded for all of them. */
export function decideAll(group: readonly Entry[], loaded: Loaded): Decided<Decisions> {
  const failed: Failure[] = [];
  const apart = group.filter((_, index) => mayConcern(loaded, index));
  for (;;) {
    const decisions = tryAll(group, loaded, failed, apart);
    if (decisions !== null) return decisions;
  }
}

/** `null` if a rule threw an error. Its working set is discarded, and the other calls are decided anew. */
function tryAll(
  group: readonly Entry[],
  loaded: Loaded,
  failed: Failure[],
  apart: readonly Entry[],
): Decided<Decisions> | null {
  const set = new WorkingSet(loaded);
  const taken = new Map<string, boolean>();
  const verdicts: Verdict[] = [];
  const deferred: Entry[] = [];
  for (const [index, entry] of group.entries()) {
    if (failed.some((one) => one.entry === entry) || apart.includes(entry)) continue;
    if (isTaken(set, entry.plan, index, taken)) {
      deferred.push(entry);
      continue;
    }
    set.turnTo(entry.plan, index);
    try {
      verdicts.push(entry.decide(set));
    } catch (error) {
      failed.push({ entry, error });
      return null;
    }
  }
  const answers = verdicts.flatMap(({ stored }) => stored ?? []);
  const answer = { ...NOTHING_DECIDED, verdicts, failed, deferred, apart, ahead: set.ahead.found };
  return { answer, changes: changesOf(set, answers) };
}

/**
 * Whether a call must wait for the next group, because this group has already decided a call about the same
 * conversation. The other rows that the call needs were loaded before that decision. Inbound messages without the slice
 * `queue` need only the conversation itself. A call id that is already in the group waits too, and finds its stored
 * answer in the next group.
 */
function isTaken(set: WorkingSet, plan: Plan, index: number, taken: Map<string, boolean>): boolean {
  const call = nameOf("call", plan.call);
  if (taken.has(call)) return true;
  const isPlain = plan.root.by === "address" && !plan.slices.includes("queue");
  const names =
    plan.root.by === "address" ? [nameOf(plan.root.line, plan.root.participantKey)] : namesOf(set, plan, index);
  if (names.some((name) => taken.has(name) && !(isPlain && taken.get(name) === true))) return true;
  for (const name of names) taken.set(name, isPlain);
  taken.set(call, false);
  return false;
}

/**
 * The addresses of a call's conversations. If an earlier call of the group records the message or the attempt, the load
 * did not find its conversation.
 */
function namesOf(set: WorkingSet, { root }: Plan, index: number): string[] {
  return [...set.rootIds(index), ...recordedFor(set, root)].flatMap((id) => {
    const row = set.conversations.get(id);
    return row === undefined ? [] : [nameOf(row.line, row.participantKey)];
  });
}

/** The conversations of the root's message or attempt, if this group records it. */
function recordedFor({ messages, attempts, keys }: WorkingSet, root: Plan["root"]): string[] {
  const added = <Row>(held: Held<Row>, name: string) => (held.before.has(name) ? undefined : held.get(name));
  const owners = [];
  if (root.by === "message") owners.push(added(messages, root.id));
  if (root.by === "attempt") {
    owners.push(added(attempts, nameOf(root.outboundId ?? "", root.attempt ?? 0)));
    owners.push(messages.get(added(keys, nameOf("provider", root.providerMessageId ?? ""))?.ref ?? ""));
  }
  return owners.flatMap((owner) => owner?.conversationId ?? []);
}
