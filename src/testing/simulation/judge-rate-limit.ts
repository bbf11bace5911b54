import type { Book, RateLimitEntry } from "./book.ts";
import type { Delivery } from "./deliveries.ts";
import { short } from "./world.ts";

type AccuseNow = (rule: string, detail: string) => void;

/*
 * What a sender's rate limit promises, over all processes: it gives slots that do not overlap, each as long as the
 * provider needs for the message; nothing leaves before its slot, and nothing without one; and once the provider asked
 * for less, nothing leaves until that time is over, and slots that were given before count no more, nor hold anybody
 * up.
 *
 * A slot may be used late. So within any time there leave at most as many as the rate allows, one more, and those
 * whose slots had passed before without being used: as many as waited while every process stood still.
 */

/** A message was told to wait for its slot. */
export function enterSlot(book: Book, delivery: Delivery & { kind: "slot-given" }, accuse: AccuseNow): void {
  const { outboundId, slotMs, rateLimit } = delivery;
  const entry = rateLimitOf(book, rateLimit.key);
  if (entry.slots.get(outboundId) === slotMs) return;
  if (slotMs < entry.freeAtMs) {
    accuse(
      "rateLimit",
      `${short(outboundId)} was given a slot that begins ${entry.freeAtMs - slotMs} ms within another one`,
    );
  }
  if (slotMs > entry.freeAtMs) {
    accuse(
      "rateLimit",
      `${short(outboundId)} was given a slot ${slotMs - entry.freeAtMs} ms later than the next free one`,
    );
  }
  entry.slots.set(outboundId, slotMs);
  entry.freeAtMs = slotMs + rateLimit.costMs;
}

/** A message was let go. */
export function enterPacedClaim(book: Book, delivery: Delivery & { kind: "send-claimed" }, accuse: AccuseNow): void {
  if (delivery.rateLimit === null) return;
  const { key, costMs } = delivery.rateLimit;
  const entry = rateLimitOf(book, key);
  const slotMs = entry.slots.get(delivery.outboundId);
  entry.slots.delete(delivery.outboundId);
  const name = short(delivery.outboundId);
  if (slotMs !== undefined) {
    if (delivery.atMs < slotMs) accuse("rateLimit", `${name} was claimed ${slotMs - delivery.atMs} ms before its slot`);
    entry.usedUntilMs = Math.max(entry.usedUntilMs, slotMs + costMs);
    return;
  }
  if (delivery.atMs < entry.freeAtMs) accuse("rateLimit", `${name} was claimed in the slot of another message`);
  entry.freeAtMs = delivery.atMs + costMs;
  entry.usedUntilMs = Math.max(entry.usedUntilMs, entry.freeAtMs);
}

/** The provider wants a sender to be slower: each message that waits for a reservation needs a new one. */
export function enterSlowdown(book: Book, { rateLimitKey, forMs, atMs }: Delivery & { kind: "slowed" }): void {
  const entry = rateLimitOf(book, rateLimitKey);
  entry.slots.clear();
  entry.usedUntilMs = Math.max(entry.usedUntilMs, atMs + forMs);
  entry.freeAtMs = entry.usedUntilMs;
}

function rateLimitOf(book: Book, key: string): RateLimitEntry {
  const entry = book.rateLimits.get(key) ?? { freeAtMs: 0, usedUntilMs: 0, slots: new Map() };
  book.rateLimits.set(key, entry);
  return entry;
}
