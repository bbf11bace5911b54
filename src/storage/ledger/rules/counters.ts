import type { CounterCondition } from "../../storage.ts";
import type { WorkingSet } from "../working-set.ts";

/** Whether the counters let a message leave. */
export type CounterJudgement =
  | { readonly outcome: "free" }
  | { readonly outcome: "cancel"; readonly reason: string }
  | { readonly outcome: "wait"; readonly retryInMs: number; readonly reason: string };

/** Judges the counters without charging them. */
export function judgeCounters(set: WorkingSet, counters: readonly CounterCondition[]): CounterJudgement {
  let judgement: CounterJudgement = { outcome: "free" };
  let longestMs = 0;
  for (const condition of counters) {
    const open = openWindow(set, condition.key);
    if ((open?.charged ?? 0) + condition.charge <= condition.max) continue;
    if (condition.full === "cancel") return { outcome: "cancel", reason: condition.reason };
    const retryInMs = open === undefined ? condition.windowMs : open.endsAt - set.now;
    if (retryInMs <= longestMs) continue;
    longestMs = retryInMs;
    judgement = { outcome: "wait", retryInMs, reason: condition.reason };
  }
  return judgement;
}

/**
 * Charges every counter. The database adds the charges to its row. This lets many calls charge one counter at once:
 * none of them is decided anew while there is room.
 */
export function chargeCounters(set: WorkingSet, counters: readonly CounterCondition[]): void {
  for (const { key, windowMs, charge, max } of counters) {
    const open = openWindow(set, key);
    if (open === undefined) set.counters.add({ key, charged: charge, endsAt: set.now + windowMs, writtenAt: set.now });
    else open.charged += charge;
    set.charges.push({ key, windowMs, charge, max });
  }
}

function openWindow(set: WorkingSet, key: string) {
  const row = set.counters.get(key);
  if (row === undefined || row.endsAt <= set.now) return undefined;
  // The database applies the same rule when it adds a charge.
  return set.ahead.has("counter", row.writtenAt) ? undefined : row;
}
