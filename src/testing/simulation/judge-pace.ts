import type { Book, PaceEntry } from "./book.ts";
import type { Fact } from "./facts.ts";
import { short } from "./world.ts";

type AccuseNow = (rule: string, detail: string) => void;

/*
 * What a sender's pace promises, over all processes: it gives slots that do not overlap, each as long as the carrier
 * needs for the message; nothing leaves before its slot, and nothing without one; and once the carrier asked for less,
 * nothing leaves until that time is over, and slots that were given before count no more, nor hold anybody up.
 *
 * A slot may be used late. So within any time there leave at most as many as the rate allows, one more, and those
 * whose slots had passed before without being used: as many as waited while every process stood still.
 */

/** A message was told to wait for its slot. */
export function enterSlot(book: Book, fact: Fact & { kind: "slot-given" }, accuse: AccuseNow): void {
  const { outboundId, slotMs, pace } = fact;
  const entry = paceOf(book, pace.key);
  if (entry.slots.get(outboundId) === slotMs) return;
  if (slotMs < entry.freeAtMs) {
    accuse(
      "pace",
      `${short(outboundId)} was given a slot that begins ${entry.freeAtMs - slotMs} ms within another one`,
    );
  }
  if (slotMs > entry.freeAtMs) {
    accuse("pace", `${short(outboundId)} was given a slot ${slotMs - entry.freeAtMs} ms later than the next free one`);
  }
  entry.slots.set(outboundId, slotMs);
  entry.freeAtMs = slotMs + pace.costMs;
}

/** A message was let go. */
export function enterPacedClaim(book: Book, fact: Fact & { kind: "send-claimed" }, accuse: AccuseNow): void {
  if (fact.pace === null) return;
  const { key, costMs } = fact.pace;
  const entry = paceOf(book, key);
  const slotMs = entry.slots.get(fact.outboundId);
  entry.slots.delete(fact.outboundId);
  const name = short(fact.outboundId);
  if (slotMs !== undefined) {
    if (fact.atMs < slotMs) accuse("pace", `${name} was claimed ${slotMs - fact.atMs} ms before its slot`);
    entry.usedUntilMs = Math.max(entry.usedUntilMs, slotMs + costMs);
    return;
  }
  if (fact.atMs < entry.freeAtMs) accuse("pace", `${name} was claimed in the slot of another message`);
  entry.freeAtMs = fact.atMs + costMs;
  entry.usedUntilMs = Math.max(entry.usedUntilMs, entry.freeAtMs);
}

/** The carrier wants a sender to be slower: whoever waits for a slot needs a new one. */
export function enterSlowdown(book: Book, { paceKey, forMs, atMs }: Fact & { kind: "slowed" }): void {
  const entry = paceOf(book, paceKey);
  entry.slots.clear();
  entry.usedUntilMs = Math.max(entry.usedUntilMs, atMs + forMs);
  entry.freeAtMs = entry.usedUntilMs;
}

function paceOf(book: Book, key: string): PaceEntry {
  const entry = book.paces.get(key) ?? { freeAtMs: 0, usedUntilMs: 0, slots: new Map() };
  book.paces.set(key, entry);
  return entry;
}
