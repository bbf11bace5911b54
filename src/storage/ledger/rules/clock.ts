import type { Held, Mutable } from "../held.ts";
import type { AttemptRow, ConversationRow, MessageRow, RateLimitRow, SweepRow, Tables, WorkerRow } from "../rows.ts";
import { CLOCKS_APART_MS } from "./limits.ts";

/*
 * What the ledger does about a clock that was wrong. A row stores the clock's time at the last change of its times
 * (`writtenAt`). If that is more than a minute ahead of the present clock, one of the two clocks is wrong, and the
 * row's times are void. Otherwise a clock that was 30 days ahead for a second would stop a line for a month. What such
 * a row waits for is due now, and the rules judge it anew.
 *
 * Only the times are void. All other fields stay: a status, a fence, the state of a consent.
 */

/** The latest time that a clock which is right can say. */
export function latestRight(now: number): number {
  return now + CLOCKS_APART_MS;
}

/** Whether a clock ahead of the present one wrote this time. */
export function isAhead(writtenAt: number, now: number): boolean {
  return writtenAt > latestRight(now);
}

/** The kinds of rows that a clock ahead may have written. */
export type AheadKind =
  | "conversation"
  | "message"
  | "attempt"
  | "consent"
  | "counter"
  | "rate limit"
  | "sweep"
  | "worker";

/** Rows of one kind that a clock ahead wrote. */
export interface Ahead {
  readonly kind: AheadKind;
  /** The latest time at which such a row was written, by the clock that was ahead. */
  readonly newestAt: number;
  /** The present clock. */
  readonly now: number;
}

/** Notes the rows of one decision that a clock ahead wrote, for the errors to the operator. */
export class AheadRows {
  readonly #now: number;
  readonly #found: Map<AheadKind, Ahead> = new Map<AheadKind, Ahead>();

  constructor(now: number) {
    this.#now = now;
  }

  /** Notes a row of this kind if a clock ahead wrote it. Returns whether one did. */
  noteIfAhead(kind: AheadKind, writtenAt: number): boolean {
    if (!isAhead(writtenAt, this.#now)) return false;
    const { newestAt = writtenAt } = this.#found.get(kind) ?? {};
    this.#found.set(kind, { kind, newestAt: Math.max(newestAt, writtenAt), now: this.#now });
    return true;
  }

  get found(): readonly Ahead[] {
    return [...this.#found.values()];
  }
}

/**
 * When a worker expires, if it sends no heartbeat before: now, if a clock ahead wrote its last heartbeat. It then gets
 * one more lease (`heartbeat.ts`).
 */
export function expiryOf({ aliveUntil, writtenAt }: WorkerRow, now: number): number {
  return isAhead(writtenAt, now) ? now : aliveUntil;
}

export function isExpired(worker: WorkerRow, now: number): boolean {
  return expiryOf(worker, now) <= now;
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
 * Voids the times of rows that a clock ahead wrote. A decision that loads such a row writes it back with valid times.
 */
export function voidTimes(held: DatedRows, ahead: AheadRows, now: number): void {
  const { conversations, messages, attempts, rateLimits, sweeps } = held;
  for (const row of conversations.rows.values()) {
    if (ahead.noteIfAhead("conversation", row.writtenAt)) voidConversation(row, now);
  }
  for (const row of messages.rows.values()) if (ahead.noteIfAhead("message", row.writtenAt)) voidMessage(row, now);
  for (const row of rateLimits.rows.values())
    if (ahead.noteIfAhead("rate limit", row.writtenAt)) voidRateLimit(row, now);
  for (const row of sweeps.rows.values()) if (ahead.noteIfAhead("sweep", row.writtenAt)) voidSweep(row, now);
  for (const row of attempts.rows.values()) {
    if (!ahead.noteIfAhead("attempt", row.startedAt)) continue;
    const owners = [messages.get(row.outboundId), conversations.get(row.conversationId)];
    const made = owners.flatMap((owner) => owner?.createdAt ?? []);
    Object.assign(row, beginningOf(row, made, now));
  }
}

/** The tables whose rows have `writtenAt`. */
export type Dated = "conversations" | "messages" | "rateLimits" | "sweeps";

/** The times of a row that decide when something may happen. A change of one of them sets `writtenAt`. */
export const MOMENTS: { readonly [T in Dated]: ReadonlySet<keyof Tables[T]> } = {
  conversations: new Set(["unansweredSince", "dueAt", "backoffUntil"]),
  messages: new Set(["expiresAt", "notBefore", "orderUntil", "unknownSince", "settleAt", "reservedAt", "dueAt"]),
  rateLimits: new Set(["freeAt", "usedUntil"]),
  sweeps: new Set(["claimedUntil", "committedAt"]),
};

/**
 * The conversation's turn may begin now, and its texts count as unanswered since now. Every worker may claim it, also
 * one that had set it aside.
 */
function voidConversation(row: Mutable<ConversationRow>, now: number): void {
  row.unansweredSince = atLatest(row.unansweredSince, now);
  row.dueAt = atLatest(row.dueAt, now);
  row.backoffUntil = Math.min(row.backoffUntil, now);
  row.setAsideBy = null;
  row.writtenAt = now;
}

/**
 * The message is due now, and its state counts as unknown since now. Its reservation stays: if the same clock made it,
 * the rate limit is void too and no longer accepts it. Its expiry stays until a later look corrects it
 * (`admission.ts`). If the present clock is the wrong one, it is behind. An expiry by it would be too early, and the
 * message would be too old when the clock is right again.
 */
function voidMessage(row: Mutable<MessageRow>, now: number): void {
  row.notBefore = atLatest(row.notBefore, now);
  row.orderUntil = atLatest(row.orderUntil, now);
  row.unknownSince = atLatest(row.unknownSince, now);
  row.settleAt = atLatest(row.settleAt, now);
  row.dueAt = atLatest(row.dueAt, now);
  row.writtenAt = now;
}

/**
 * The rate limit starts anew, and its reservations are void. A message takes a new reservation when the time of its old
 * one comes.
 */
function voidRateLimit(row: Mutable<RateLimitRow>, now: number): void {
  row.freeAt = now;
  row.usedUntil = now;
  row.epoch += 1;
  row.writtenAt = now;
}

/** Another worker may claim the sweep. The worker that holds the claim may still commit. */
function voidSweep(row: Mutable<SweepRow>, now: number): void {
  row.claimedUntil = atLatest(row.claimedUntil, now);
  if (row.committedAt !== null && row.committedAt > now) row.committedAt = null;
  row.writtenAt = now;
}

/**
 * When an attempt began: at `startedAt`, or between `startedAfter` and `startedAt` if the exact moment is not known.
 */
export type Beginning = Pick<AttemptRow, "startedAt" | "startedAfter">;

/**
 * When an attempt began, by the present clock. If a clock that was ahead wrote `startedAt`, the attempt began at some
 * time up to now. A search of the provider's list from a future time would find nothing, and the message would be sent
 * twice. `made`: the `createdAt` of its message and of its conversation.
 */
export function beginningOf({ startedAt, startedAfter }: Beginning, made: readonly number[], now: number): Beginning {
  if (!isAhead(startedAt, now)) return { startedAt, startedAfter };
  return { startedAt: now, startedAfter: made.find((at) => !isAhead(at, now)) ?? 0 };
}

function atLatest<Moment extends number | null>(moment: Moment, now: number): Moment | number {
  return moment === null ? moment : Math.min(moment, now);
}
