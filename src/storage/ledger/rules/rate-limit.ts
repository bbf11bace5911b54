import type { RateLimitCondition } from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import type { RateLimit, WorkingSet } from "../working-set.ts";

/**
 * Asks a sender's rate limit whether a message may leave. Returns `null` if it may, otherwise the time of its
 * reservation. A message that may leave gives up its reservation; a message that waits has one.
 */
export function reserve(set: WorkingSet, row: Outbound, { key, costMs }: RateLimitCondition): number | null {
  const { now } = set;
  const limit = rateLimitOf(set, key);
  if (row.reservedKey === key && row.reservedAt !== null && row.reservedEpoch === limit.epoch) {
    if (row.reservedAt > now) return row.reservedAt;
    use(limit, row.reservedAt + costMs, now);
    giveUpReservation(row);
    return null;
  }
  if (limit.freeAt > now) {
    row.reservedKey = key;
    row.reservedAt = limit.freeAt;
    row.reservedEpoch = limit.epoch;
    limit.freeAt += costMs;
    return row.reservedAt;
  }
  giveUpReservation(row);
  use(limit, now + costMs, now);
  return null;
}

export function giveUpReservation(row: Outbound): void {
  row.reservedKey = null;
  row.reservedAt = null;
  row.reservedEpoch = null;
}

/**
 * Marks the sender as busy until a time. With a cost of 0 the row does not change, so concurrent calls do not conflict
 * on it.
 */
function use(limit: RateLimit, until: number, now: number): void {
  if (until <= now) return;
  limit.usedUntil = Math.max(limit.usedUntil, until);
  limit.freeAt = Math.max(limit.freeAt, until);
}

/** Slows a sender down: no message leaves for `forMs`, and waiting messages need a new reservation. */
export function backOff(set: WorkingSet, key: string, forMs: number): void {
  const limit = rateLimitOf(set, key);
  limit.usedUntil = Math.max(limit.usedUntil, set.now + forMs);
  // Reservations made before a 429 no longer block the queue.
  limit.freeAt = limit.usedUntil;
  limit.epoch += 1;
}

function rateLimitOf(set: WorkingSet, key: string): RateLimit {
  const { now } = set;
  return (
    set.rateLimits.get(key) ??
    set.rateLimits.add({ key, freeAt: now, usedUntil: now, epoch: 0, writtenAt: now, version: 0 })
  );
}
