import type { Guard, Plan } from "../database.ts";
import { type Held, nameOf } from "./held.ts";
import { choosesAmong } from "./plans.ts";
import type { RateLimitRow, SweepRow } from "./rows.ts";
import type { WorkingSet } from "./working-set.ts";

/** The rows that a decision changes. */
interface Changed {
  /** Conversations, by their ids. */
  readonly touched: ReadonlySet<string>;
  readonly rateLimits: readonly Partial<RateLimitRow>[];
  readonly sweeps: readonly Partial<SweepRow>[];
}

/**
 * The rows that must still be as loaded when the changes of a working set are written. These are the rows that the
 * plans name, found or not. Of candidates (`due`, `workers`, `unsent`) they are only those that the rules changed. Rows
 * whose times are void, because a clock was ahead, count as changed, even if the next group decides their plan.
 */
export function guardsOf(set: WorkingSet, { touched, rateLimits, sweeps }: Changed): Guard[] {
  const guards = new Map<string, Guard>();
  const guard = (one: Guard): void => {
    guards.set(nameOf(one.on, one.key), one);
  };
  for (const id of touched) guardConversation(set, id, guard);
  for (const [index, plan] of set.decided) {
    // If the call's answer is stored, the rules did not run, so its other rows need no guard.
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
  if (!choosesAmong(plan)) for (const id of set.rootIds(index)) guardConversation(set, id, guard);
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

/**
 * Guards all conversations under a consent. Another call could add a message to one of them before the opt-out is
 * written.
 */
function guardAllUnder(set: WorkingSet, key: string, guard: Add): void {
  const filed = set.filedUnder(key);
  guard({ on: "filed", key, version: filed.length + set.unreadUnder(key) });
  for (const id of filed) guardConversation(set, id, guard);
}

/** A conversation that the rules created has no version yet; the guard of its address covers it. */
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
