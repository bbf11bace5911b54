import type { Held, Mutable } from "../held.ts";
import {
  type AttemptRow,
  CLOCKS_APART_MS,
  type ConversationRow,
  type MessageRow,
  type RateLimitRow,
  type SweepRow,
  type Tables,
} from "../rows.ts";

/*
 * A clock that was wrong. A row keeps the clock by which its times were set (`writtenAt`). Where that is more than a
 * minute ahead of the clock that reads the row, one of the two is wrong, and the times say nothing: a clock that was 30
 * days ahead for a second must not keep a line silent for a month. What such a row waits for is due now and judged
 * anew.
 *
 * Only the times are void. What a row says otherwise stays: a status, a fence, the state of a consent.
 */

/** Whether what was written at a time was written by a clock that was ahead of the present one. */
export function isAhead(writtenAt: number, now: number): boolean {
  return writtenAt > now + CLOCKS_APART_MS;
}

/** What was written ahead. */
export type AheadKind =
  | "conversation"
  | "message"
  | "attempt"
  | "consent"
  | "counter"
  | "rate limit"
  | "sweep"
  | "worker";

/** Rows of one kind that were written ahead. */
export interface Ahead {
  readonly kind: AheadKind;
  /** The clock of the last one's writing. */
  readonly newestAt: number;
  /** The present clock. */
  readonly now: number;
}

/** Notes the rows of one decision that were written ahead, for the report. */
export class AheadRows {
  readonly #now: number;
  readonly #found: Map<AheadKind, Ahead> = new Map<AheadKind, Ahead>();

  constructor(now: number) {
    this.#now = now;
  }

  /** Whether a row of a kind was written ahead. One that was is noted. */
  has(kind: AheadKind, writtenAt: number): boolean {
    if (!isAhead(writtenAt, this.#now)) return false;
    const { newestAt = writtenAt } = this.#found.get(kind) ?? {};
    this.#found.set(kind, { kind, newestAt: Math.max(newestAt, writtenAt), now: this.#now });
    return true;
  }

  get found(): readonly Ahead[] {
    return [...this.#found.values()];
  }
}

/** Rows of one decision, as they were loaded. */
export interface DatedRows {
  readonly conversations: Held<ConversationRow>;
  readonly messages: Held<MessageRow>;
  readonly attempts: Held<AttemptRow>;
  readonly rateLimits: Held<RateLimitRow>;
  readonly sweeps: Held<SweepRow>;
}

/**
 * Voids the times of rows that were written ahead. A decision that loads such a row writes it back with valid times.
 */
export function voidTimes(held: DatedRows, ahead: AheadRows, now: number): void {
  const { conversations, messages, attempts, rateLimits, sweeps } = held;
  for (const row of conversations.rows.values()) {
    if (ahead.has("conversation", row.writtenAt)) voidConversation(row, now);
  }
  for (const row of messages.rows.values()) if (ahead.has("message", row.writtenAt)) voidMessage(row, now);
  for (const row of rateLimits.rows.values()) if (ahead.has("rate limit", row.writtenAt)) voidRateLimit(row, now);
  for (const row of sweeps.rows.values()) if (ahead.has("sweep", row.writtenAt)) voidSweep(row, now);
  for (const row of attempts.rows.values()) {
    if (!ahead.has("attempt", row.startedAt)) continue;
    const owners = [messages.get(row.outboundId), conversations.get(row.conversationId)];
    const made = owners.flatMap((owner) => owner?.createdAt ?? []);
    Object.assign(row, beginningOf(row, made, now));
  }
}

/** The tables whose rows keep the clock of their times. */
export type Dated = "conversations" | "messages" | "rateLimits" | "sweeps";

/** The times of a row that decide when something may happen: a change of one sets its `writtenAt`. */
export const MOMENTS: { readonly [T in Dated]: ReadonlySet<keyof Tables[T]> } = {
  conversations: new Set(["unansweredSince", "dueAt", "backoffUntil"]),
  messages: new Set(["expiresAt", "notBefore", "orderUntil", "unknownSince", "settleAt", "reservedAt", "dueAt"]),
  rateLimits: new Set(["freeAt", "usedUntil"]),
  sweeps: new Set(["claimedUntil", "committedAt"]),
};

/** Its turn may begin now, and it has been waiting since now. */
function voidConversation(row: Mutable<ConversationRow>, now: number): void {
  row.unansweredSince = atLatest(row.unansweredSince, now);
  row.dueAt = atLatest(row.dueAt, now);
  row.backoffUntil = Math.min(row.backoffUntil, now);
  row.writtenAt = now;
}

/**
 * It is due now, and its state has been unknown since now at the earliest. Its reservation stays: where it was made by
 * the same clock, the rate limit no longer knows it. Its expiry stays until a later look brings it back
 * (`admission.ts`): were the present clock the one that is wrong, the message would be too old when that is right
 * again.
 */
function voidMessage(row: Mutable<MessageRow>, now: number): void {
  row.notBefore = atLatest(row.notBefore, now);
  row.orderUntil = atLatest(row.orderUntil, now);
  row.unknownSince = atLatest(row.unknownSince, now);
  row.settleAt = atLatest(row.settleAt, now);
  row.dueAt = atLatest(row.dueAt, now);
  row.writtenAt = now;
}

/** It starts anew. Reservations at it count no longer: a message takes a new one when the time of its old one comes. */
function voidRateLimit(row: Mutable<RateLimitRow>, now: number): void {
  row.freeAt = now;
  row.usedUntil = now;
  row.epoch += 1;
  row.writtenAt = now;
}

/** Another worker may claim it. The one that has it may still commit. */
function voidSweep(row: Mutable<SweepRow>, now: number): void {
  row.claimedUntil = atLatest(row.claimedUntil, now);
  if (row.committedAt !== null && row.committedAt > now) row.committedAt = null;
  row.writtenAt = now;
}

/** When an attempt began: up to `startedAt`, and after `startedAfter` where that is not the same moment. */
export type Beginning = Pick<AttemptRow, "startedAt" | "startedAfter">;

/**
 * When an attempt began, by the present clock. Where it began by a clock that was ahead, at some time up to now: the
 * provider's list must not be searched from a time that has not come yet, or the message would count as never sent and
 * be sent twice. `made`: when its message and its conversation were made, by the clock of then.
 */
export function beginningOf({ startedAt, startedAfter }: Beginning, made: readonly number[], now: number): Beginning {
  if (!isAhead(startedAt, now)) return { startedAt, startedAfter };
  return { startedAt: now, startedAfter: made.find((at) => !isAhead(at, now)) ?? 0 };
}

function atLatest<Moment extends number | null>(moment: Moment, now: number): Moment | number {
  return moment === null ? moment : Math.min(moment, now);
}
