import type { Charge } from "../../database.ts";
import type { CounterCondition } from "../../storage.ts";
import type { CounterRow } from "../rows.ts";
import type { WorkingSet } from "../working-set.ts";
import { isAhead } from "./clock.ts";

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
    const condition = { key, windowMs, charge, max };
    set.counters.add(charged(set.counters.get(key), condition, set.now));
    set.charges.push(condition);
  }
}

function openWindow(set: WorkingSet, key: string): CounterRow | undefined {
  const row = set.counters.get(key);
  if (row === undefined) return undefined;
  set.ahead.noteIfAhead("counter", row.writtenAt);
  return isOpenWindow(row, set.now) ? row : undefined;
}

/** Whether the window of a counter is open. A window that a clock ahead opened is over. */
export function isOpenWindow({ endsAt, writtenAt }: CounterRow, now: number): boolean {
  return endsAt > now && !isAhead(writtenAt, now);
}

/** A counter after a charge, which opens a window if none is open. `row`: the counter before, if there is one. */
export function charged(row: CounterRow | undefined, { key, charge, windowMs }: Charge, now: number): CounterRow {
  const isOpen = row !== undefined && isOpenWindow(row, now);
  const window = isOpen ? row : { key, charged: 0, endsAt: now + windowMs, writtenAt: now };
  return { ...window, charged: window.charged + charge };
}

/** The charges of one counter together. */
export interface ChargeSum {
  readonly charge: number;
  /** The highest count of the counter at which all these charges still fit. */
  readonly room: number;
  readonly windowMs: number;
}

/**
 * Sums the charges of each counter. The rules judged these charges one after the other. So all of them fit if the
 * counter has not been charged more than the smallest room that one of them left.
 */
export function sumsOf(charges: readonly Charge[]): ReadonlyMap<string, ChargeSum> {
  const sums = new Map<string, ChargeSum>();
  for (const { key, charge: added, windowMs, max } of charges) {
    // JSON has no infinite numbers.
    const before = sums.get(key) ?? { charge: 0, room: Number.MAX_VALUE, windowMs };
    const charge = before.charge + added;
    sums.set(key, { ...before, charge, room: Math.min(before.room, max - charge) });
  }
  return sums;
}
