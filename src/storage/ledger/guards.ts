import type { Guard, Plan } from "../database.ts";
import { type Held, nameOf } from "./held.ts";
import type { RateLimitRow, SweepRow } from "./rows.ts";
import type { WorkingSet } from "./working-set.ts";

/** What a decision changes. */
interface Changed {
  /** Conversations, by their ids. */
  readonly touched: ReadonlySet<string>;
  readonly rateLimits: readonly Partial<RateLimitRow>[];
  readonly sweeps: readonly Partial<SweepRow>[];
}

/**
 * What must be as it was loaded, for the changes of a working set to be written: what the plans name, found or not; of
 * candidates (`due`, `workers`, `unsent`) those that the rules changed; and what a clock that was ahead made void, also
 * where it belongs to a plan that the next group decides.
 */
export function guardsOf(set: WorkingSet, { touched, rateLimits, sweeps }: Changed): Guard[] {
  const guards = new Map<string, Guard>();
  const guard = (one: Guard): void => {
    guards.set(nameOf(one.on, one.key), one);
  };
  for (const id of touched) guardConversation(set, id, guard);
  for (const [index, plan] of set.decided) {
    // A call whose answer is stored was not decided anew: it read nothing else.
    if (set.storedAnswerOf(plan.call) === undefined) guardPlan(set, plan, index, guard);
  }
  for (const { key = "" } of rateLimits) guard({ on: "rateLimit", key, version: versionIn(set.rateLimits, key) });
  for (const { sender = "" } of sweeps) guard({ on: "sweep", key: sender, version: versionIn(set.sweeps, sender) });
  for (const [key, version] of set.reclaimed) guard({ on: "worker", key, version });
  return [...guards.values()];
}

type Add = (guard: Guard) => void;

function guardPlan(set: WorkingSet, plan: Plan, index: number, guard: Add): void {
  const { root, consents = [], keys = [], rateLimits = [], sweeps = [] } = plan;
  guard({ on: "call", key: plan.call, version: null });
  if (root.by === "address" && set.wasAbsentAt(root.line, root.participantKey)) {
    guard({ on: "address", key: JSON.stringify([root.line, root.participantKey]), version: null });
  }
  const isOfCandidates = root.by === "due" || root.by === "workers" || root.by === "unsent";
  if (!isOfCandidates) for (const id of set.rootIds(index)) guardConversation(set, id, guard);
  for (const key of new Set([...consents, ...consentsOfRoot(set, plan, index)])) {
    guard({ on: "consent", key, version: versionIn(set.consents, key) });
    if (plan.slices.includes("stoppable")) guardAllUnder(set, key, guard);
  }
  for (const { kind, key } of keys) {
    const isThere = set.keys.before.has(nameOf(kind, key));
    guard({ on: "key", key: JSON.stringify([kind, key]), version: isThere ? 0 : null });
  }
  for (const key of rateLimits) guard({ on: "rateLimit", key, version: versionIn(set.rateLimits, key) });
  for (const key of sweeps) guard({ on: "sweep", key, version: versionIn(set.sweeps, key) });
}

/** What an opt-out stops: a conversation in which nothing waits may get a message before the opt-out is written. */
function guardAllUnder(set: WorkingSet, key: string, guard: Add): void {
  const filed = set.filedUnder(key);
  guard({ on: "filed", key, version: filed.length + set.unreadUnder(key) });
  for (const id of filed) guardConversation(set, id, guard);
}

/** A conversation that the rules made is guarded by its address. */
function guardConversation(set: WorkingSet, id: string, guard: Add): void {
  const version = versionIn(set.conversations, id);
  if (version !== null) guard({ on: "conversation", key: id, version });
}

function consentsOfRoot(set: WorkingSet, { slices }: Plan, index: number): string[] {
  if (!slices.includes("consent")) return [];
  return set.rootIds(index).flatMap((id) => set.conversations.before.get(id)?.consentKey ?? []);
}

function versionIn<Row extends { readonly version: number }>(held: Held<Row>, key: string): number | null {
  return held.before.get(key)?.version ?? null;
}
