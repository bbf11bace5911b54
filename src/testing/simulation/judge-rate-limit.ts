import type { Book, RateLimitEntry } from "./book.ts";
import type { Observation } from "./observations.ts";
import { short } from "./world.ts";

type AccuseNow = (rule: string, detail: string) => void;

/*
 * What a sender's rate limit promises over all processes. Reservations do not overlap, and each is as long as the
 * provider needs for the message. No message leaves without a reservation, or before it. After the provider asked for a
 * lower rate, no message leaves until that time is over. Reservations from before that request are void, and block no
 * message.
 *
 * A reservation may be used late. So within any time at most as many messages leave as the rate allows, one more, and
 * those with an earlier unused reservation: the messages that waited while every process stood still.
 */

/** A message waits for its reservation. */
export function enterReservation(
  book: Book,
  observation: Observation & { kind: "reservation-given" },
  accuse: AccuseNow,
): void {
  const { outboundId, reservedMs, rateLimit } = observation;
  const entry = rateLimitOf(book, rateLimit.key);
  if (entry.reservations.get(outboundId) === reservedMs) return;
  if (reservedMs < entry.freeAtMs) {
    accuse(
      "rate limit",
      `${short(outboundId)} was given a reservation that begins ${entry.freeAtMs - reservedMs} ms within another one`,
    );
  }
  if (reservedMs > entry.freeAtMs) {
    accuse(
      "rate limit",
      `${short(outboundId)} was given a reservation ${reservedMs - entry.freeAtMs} ms later than the next free one`,
    );
  }
  entry.reservations.set(outboundId, reservedMs);
  entry.freeAtMs = reservedMs + rateLimit.costMs;
}

/** A message was claimed for sending. */
export function enterRateLimitedClaim(
  book: Book,
  observation: Observation & { kind: "send-claimed" },
  accuse: AccuseNow,
): void {
  if (observation.rateLimit === null) return;
  const { key, costMs } = observation.rateLimit;
  const entry = rateLimitOf(book, key);
  const reservedMs = entry.reservations.get(observation.outboundId);
  entry.reservations.delete(observation.outboundId);
  const name = short(observation.outboundId);
  if (reservedMs !== undefined) {
    if (observation.atMs < reservedMs)
      accuse("rate limit", `${name} was claimed ${reservedMs - observation.atMs} ms before its reservation`);
    entry.usedUntilMs = Math.max(entry.usedUntilMs, reservedMs + costMs);
    return;
  }
  if (observation.atMs < entry.freeAtMs)
    accuse("rate limit", `${name} was claimed in the reservation of another message`);
  entry.freeAtMs = observation.atMs + costMs;
  entry.usedUntilMs = Math.max(entry.usedUntilMs, entry.freeAtMs);
}

/** The provider asks a sender to be slower: each message that waits for a reservation needs a new one. */
export function enterBackOff(book: Book, { rateLimitKey, forMs, atMs }: Observation & { kind: "backed-off" }): void {
  const entry = rateLimitOf(book, rateLimitKey);
  entry.reservations.clear();
  entry.usedUntilMs = Math.max(entry.usedUntilMs, atMs + forMs);
  entry.freeAtMs = entry.usedUntilMs;
}

function rateLimitOf(book: Book, key: string): RateLimitEntry {
  const entry = book.rateLimits.get(key) ?? { freeAtMs: 0, usedUntilMs: 0, reservations: new Map() };
  book.rateLimits.set(key, entry);
  return entry;
}
