import type { ClaimedSend, SendClaim } from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import { outboundOf } from "../shown.ts";
import type { WorkingSet } from "../working-set.ts";
import { filedKey, isOptedOut, onlyKey } from "./consent.ts";
import { chargeCounters, judgeCounters } from "./counters.ts";
import {
  cancelLaterParts,
  changeStatus,
  conversationOfMessage,
  isOutOfOrder,
  isQueued,
  nextInMs,
  refreshDue,
  waitsForOwnPart,
} from "./order.ts";
import { giveUpReservation, reserve } from "./rate-limit.ts";

/** See `Storage.claimSend`. */
export function claimSend(set: WorkingSet, claim: SendClaim): ClaimedSend {
  const row = set.outbound(claim.outboundId);
  if (row === undefined || conversationOfMessage(set, row).scope !== claim.scope) return { outcome: "gone" };
  const isLookedAt = row.status === "waiting" || (claim.setAsideMs !== undefined && row.status === "unknown");
  if (!isLookedAt) return { outcome: "gone" };
  bringExpiryBack(set, row, claim);
  const doubtMs = row.status === "waiting" ? doubtOfExpiry(set, row) : 0;
  if (doubtMs > 0) return waitFor(set, row, doubtMs, "The text is too old, if the clock is right.");
  if (claim.setAsideMs !== undefined) return setAside(set, row, claim.workerId, claim.setAsideMs);
  const reason = reasonToCancel(set, row, claim);
  if (reason !== null) return cancelled(set, row, reason);

  set.needs("queue");
  const before = set.outboundOf(row.conversationId).filter(({ seq }) => seq < row.seq);
  const earlier = isOutOfOrder(row) ? [] : before;
  if (waitsForOwnPart(set, row) || earlier.some(({ status }) => isQueued(status))) {
    return { outcome: "waiting", retryInMs: null, reason: "An earlier text has not left yet." };
  }
  const unknown = earlier.filter(({ status }) => status === "unknown");
  row.orderUntil = Math.max(0, ...unknown.map(({ unknownSince }) => (unknownSince ?? 0) + claim.orderWaitMs));
  if (row.orderUntil > set.now) {
    return waiting(set, row, row.orderUntil - set.now, "It is not known yet whether an earlier text has left.");
  }

  const { delayMs, counters, rateLimit } = claim.conditions;
  if (delayMs > 0) return waitFor(set, row, delayMs, "The text may not leave yet.");
  const judgement = judgeCounters(set, counters);
  if (judgement.outcome === "cancel") return cancelled(set, row, judgement.reason);
  if (judgement.outcome === "wait") return waitFor(set, row, judgement.retryInMs, judgement.reason);
  const reservedAt = rateLimit === null ? null : reserve(set, row, rateLimit);
  if (reservedAt !== null && claim.expiryMs !== undefined) {
    row.expiresAt = Math.max(row.expiresAt, reservedAt + claim.expiryMs);
  }
  if (rateLimit !== null && reservedAt !== null) return waitFor(set, row, reservedAt - set.now, rateLimit.reason);

  chargeCounters(set, counters);
  startAttempt(set, row, claim);
  refreshDue(set, row.conversationId);
  const overtook = unknown.map(({ id }) => id);
  return { outcome: "claimed", message: outboundOf(row), attempt: row.attempts, overtook };
}

function reasonToCancel(set: WorkingSet, row: Outbound, { conditions, consents }: SendClaim): string | null {
  const conversation = conversationOfMessage(set, row);
  if (set.now >= row.expiresAt) return TOO_OLD;
  if (conditions.cancel !== null) return conditions.cancel;
  const isOut = isOptedOut(set, consents ?? onlyKey(filedKey(set, conversation)));
  if (row.origin === "system" && !isOut) return "The person opted in again.";
  if (conditions.consent && isOut) return "The person opted out.";
  if (conditions.unpaused && conversation.paused && !isHandOff(set, row)) {
    return "A person has taken over the conversation.";
  }
  return hasFailedEarlierPart(set, row) ? "An earlier part of the same text was not sent." : null;
}

/**
 * Whether the message's turn handed the conversation to a person. Its message leaves although that turn pauses the
 * conversation.
 */
function isHandOff(set: WorkingSet, { turnId }: Outbound): boolean {
  set.needs("turn");
  return turnId !== null && set.turns.get(turnId)?.outcome === "handed-off";
}

function hasFailedEarlierPart(set: WorkingSet, row: Outbound): boolean {
  set.needs("group");
  return set.groupOf(row).some(({ part, status }) => {
    if (part >= row.part) return false;
    return status === "failed" || status === "undelivered" || status === "cancelled" || status === "held";
  });
}

function cancelled(set: WorkingSet, row: Outbound, reason: string): ClaimedSend {
  changeStatus(set, row, "cancelled", { code: null, reason });
  const stopped = [row, ...cancelLaterParts(set, row)];
  refreshDue(set, row.conversationId);
  return { outcome: "cancelled", messages: stopped.map(outboundOf), nextInMs: nextInMs(set, row.conversationId) };
}

function waitFor(set: WorkingSet, row: Outbound, retryInMs: number, reason: string): ClaimedSend {
  row.notBefore = set.now + retryInMs;
  return waiting(set, row, retryInMs, reason);
}

function waiting(set: WorkingSet, row: Outbound, retryInMs: number, reason: string): ClaimedSend {
  refreshDue(set, row.conversationId);
  return { outcome: "waiting", retryInMs, reason };
}

/** Leaves a message to other workers, because this worker does not know the message's line. */
function setAside(set: WorkingSet, row: Outbound, workerId: string, forMs: number): ClaimedSend {
  if (row.status === "waiting" && set.now >= row.expiresAt) return cancelled(set, row, TOO_OLD);
  conversationOfMessage(set, row).setAsideBy = workerId;
  if (row.status === "waiting") row.notBefore = set.now + forMs;
  else row.settleAt = set.now + forMs;
  return waiting(set, row, forMs, "The worker does not know the sender.");
}

/** A running worker finds an expired message within this time. */
const FOUND_WITHIN_MS = 60_000;

/**
 * How long to wait before a message is cancelled as too old. If a worker finds it later than {@link FOUND_WITHIN_MS}
 * after its expiry, the clock may be ahead, and a message cancelled by mistake is lost. So a look {@link LOOK_AGAIN_MS}
 * earlier must also have found it expired.
 */
function doubtOfExpiry(set: WorkingSet, { expiresAt, writtenAt }: Outbound): number {
  if (set.now <= expiresAt + FOUND_WITHIN_MS) return 0;
  const foundAt = writtenAt > expiresAt ? writtenAt : set.now;
  return foundAt + LOOK_AGAIN_MS - set.now;
}

/**
 * Moves the expiry of a message back if a clock that was ahead set it. The new expiry is `expiryMs` after now or after
 * the reservation, whichever is later. The message's times must have been unchanged for {@link LOOK_AGAIN_MS}: that
 * shows that the present clock is right.
 */
function bringExpiryBack(set: WorkingSet, row: Outbound, { expiryMs }: SendClaim): void {
  if (expiryMs === undefined || set.now - row.writtenAt < LOOK_AGAIN_MS) return;
  row.expiresAt = Math.min(row.expiresAt, Math.max(set.now, row.reservedAt ?? 0) + expiryMs);
}

/** A clock that jumps and is corrected at once is wrong for less than this. */
const LOOK_AGAIN_MS = 10_000;

const TOO_OLD = "The text is too old to be sent.";

function startAttempt(set: WorkingSet, row: Outbound, claim: SendClaim): void {
  const { workerId, leaseMs } = claim;
  const attempt = row.attempts + 1;
  const { id: outboundId, conversationId } = row;
  const open = {
    status: "sending",
    providerMessageId: null,
    error: null,
    startedAt: set.now,
    startedAfter: null,
  } as const;
  set.attempts.add({ outboundId, conversationId, attempt, ...open, worker: workerId });
  giveUpReservation(row);
  set.keepAlive(claim, set.now + leaseMs);
  row.attempts = attempt;
  // The message may have waited for hours, and the address may have changed meanwhile.
  row.participant = conversationOfMessage(set, row).participant;
  changeStatus(set, row, "sending", null);
}
