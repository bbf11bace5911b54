import type { CounterCondition } from "../../storage.ts";
import type { Ledger } from "./ledger.ts";

/** Whether counters let a message pass. */
export type CounterJudgement =
  | { readonly outcome: "free" }
  | { readonly outcome: "cancel"; readonly reason: string }
  | { readonly outcome: "wait"; readonly retryInMs: number; readonly reason: string };

/** Judges counters and charges none. */
export function judgeCounters(ledger: Ledger, counters: readonly CounterCondition[], now: number): CounterJudgement {
  let judgement: CounterJudgement = { outcome: "free" };
  let longestMs = 0;
  for (const condition of counters) {
    const open = openWindow(ledger, condition.key, now);
    if ((open?.charged ?? 0) + condition.charge <= condition.max) continue;
    if (condition.full === "cancel") return { outcome: "cancel", reason: condition.reason };
    const retryInMs = open === undefined ? condition.windowMs : open.endsAt - now;
    if (retryInMs <= longestMs) continue;
    longestMs = retryInMs;
    judgement = { outcome: "wait", retryInMs, reason: condition.reason };
  }
  return judgement;
}

/** Charges every counter; opens the windows that are not open. */
export function chargeCounters(ledger: Ledger, counters: readonly CounterCondition[], now: number): void {
  for (const { key, windowMs, charge } of counters) {
    const row = openWindow(ledger, key, now) ?? { endsAt: now + windowMs, charged: 0 };
    row.charged += charge;
    ledger.counters.set(key, row);
  }
}

function openWindow(ledger: Ledger, key: string, now: number) {
  const row = ledger.counters.get(key);
  return row !== undefined && row.endsAt > now ? row : undefined;
}
