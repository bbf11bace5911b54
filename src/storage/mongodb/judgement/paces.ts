import type { PaceCondition } from "../../storage.ts";
import type { Ledger } from "./ledger.ts";
import type { OutboundRow, PaceRow } from "./rows.ts";

/**
 * Asks a sender's pace for a message: `null` where it may go on, else when its slot comes. A message that goes on has
 * given its slot up; one that waits has one.
 */
export function askPace(ledger: Ledger, row: OutboundRow, { key, costMs }: PaceCondition, now: number): number | null {
  const pace = paceOf(ledger, key, now);
  const { slot } = row;
  if (slot !== null && slot.key === key && slot.epoch === pace.epoch) {
    if (slot.at > now) return slot.at;
    row.slot = null;
    leave(pace, slot.at + costMs);
    return null;
  }
  if (pace.freeAt > now) {
    row.slot = { key, at: pace.freeAt, epoch: pace.epoch };
    pace.freeAt += costMs;
    return row.slot.at;
  }
  row.slot = null;
  leave(pace, now + costMs);
  return null;
}

function leave(pace: PaceRow, until: number): void {
  pace.usedUntil = Math.max(pace.usedUntil, until);
  pace.freeAt = Math.max(pace.freeAt, until);
}

/** Slows a sender down: nothing leaves for a while, and whoever waits must queue anew. */
export function slowPace(ledger: Ledger, key: string, forMs: number, now: number): void {
  const pace = paceOf(ledger, key, now);
  pace.usedUntil = Math.max(pace.usedUntil, now + forMs);
  // Void slots hold nobody up.
  pace.freeAt = pace.usedUntil;
  pace.epoch += 1;
}

function paceOf(ledger: Ledger, key: string, now: number): PaceRow {
  const row = ledger.paces.get(key) ?? { freeAt: now, usedUntil: now, epoch: 0 };
  ledger.paces.set(key, row);
  return row;
}
