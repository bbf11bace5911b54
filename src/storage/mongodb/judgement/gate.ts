import type { ClaimedSend, SendClaim, SendConditions } from "../../storage.ts";
import { chargeCounters, judgeCounters } from "./counters.ts";
import { cancel, cancelLaterParts, change, keepAlive, type Ledger, refreshDue, waitsForOwnPart } from "./ledger.ts";
import { askPace } from "./paces.ts";
import type { AttemptRow, OutboundRow } from "./rows.ts";
import { shownMessages } from "./rows.ts";

/** See {@link Storage.claimSend}. */
export function claimSend(ledger: Ledger, claim: SendClaim): ClaimedSend {
  const row = ledger.messages.get(claim.outboundId);
  if (row?.direction !== "outbound" || row.message.status !== "intent") return { outcome: "gone" };
  const now = ledger.clock.now();
  const reason = reasonToCancel(ledger, row, claim.conditions, now);
  if (reason !== null) return cancelled(ledger, row, reason);

  const unknown = row.conversation.open.filter((open) => isEarlier(open, row) && open.message.status === "unknown");
  if (waitsForOwnPart(row) || isBehindAnother(row)) {
    return { outcome: "waiting", retryInMs: null, reason: "An earlier text has not left yet." };
  }
  row.orderUntil = Math.max(0, ...unknown.map((earlier) => earlier.unknownSince + claim.orderWaitMs));
  if (row.orderUntil > now) {
    return waiting(ledger, row, row.orderUntil - now, "It is not known yet whether an earlier text has left.");
  }

  const { delayMs, counters, pace } = claim.conditions;
  if (delayMs > 0) return wait(ledger, row, now, delayMs, "The text may not leave yet.");
  const judgement = judgeCounters(ledger, counters, now);
  if (judgement.outcome === "cancel") return cancelled(ledger, row, judgement.reason);
  if (judgement.outcome === "wait") return wait(ledger, row, now, judgement.retryInMs, judgement.reason);
  const slotAt = pace === null ? null : askPace(ledger, row, pace, now);
  if (pace !== null && slotAt !== null) return wait(ledger, row, now, slotAt - now, pace.reason);

  chargeCounters(ledger, counters, now);
  const attempt = startAttempt(ledger, row, claim, now);
  refreshDue(ledger, row.conversation);
  const overtook = unknown.map((earlier) => earlier.message.id);
  return { outcome: "claimed", message: row.message, attempt: attempt.attempt, overtook };
}

function reasonToCancel(ledger: Ledger, row: OutboundRow, conditions: SendConditions, now: number): string | null {
  const { conversation } = row;
  if (now >= row.expiresAt) return "The text is too old to be sent.";
  if (conditions.cancel !== null) return conditions.cancel;
  if (conditions.consent && ledger.consents.get(conversation.consentKey)?.state === "opted-out") {
    return "The person opted out.";
  }
  const handedOver = row.turn?.shown.outcome === "handed-off";
  if (conditions.unpaused && conversation.shown.paused && !handedOver)
    return "A person has taken over the conversation.";
  return hasDeadEarlierPart(row) ? "An earlier part of the same text was not sent." : null;
}

function hasDeadEarlierPart(row: OutboundRow): boolean {
  return row.group.some(({ message: { part, status } }) => {
    if (part >= row.message.part) return false;
    return status === "failed" || status === "undelivered" || status === "cancelled" || status === "held";
  });
}

function isEarlier(open: OutboundRow, row: OutboundRow): boolean {
  return open.message.seq < row.message.seq;
}

function isBehindAnother(row: OutboundRow): boolean {
  return row.conversation.open.some((open) => {
    return isEarlier(open, row) && (open.message.status === "intent" || open.message.status === "sending");
  });
}

function cancelled(ledger: Ledger, row: OutboundRow, reason: string): ClaimedSend {
  cancel(ledger, row, { code: null, reason });
  const stopped = [row, ...cancelLaterParts(ledger, row)];
  refreshDue(ledger, row.conversation);
  return { outcome: "cancelled", messages: shownMessages(stopped) };
}

function wait(ledger: Ledger, row: OutboundRow, now: number, retryInMs: number, reason: string): ClaimedSend {
  row.notBefore = now + retryInMs;
  return waiting(ledger, row, retryInMs, reason);
}

function waiting(ledger: Ledger, row: OutboundRow, retryInMs: number, reason: string): ClaimedSend {
  refreshDue(ledger, row.conversation);
  return { outcome: "waiting", retryInMs, reason };
}

function startAttempt(ledger: Ledger, row: OutboundRow, { workerId, leaseMs }: SendClaim, now: number): AttemptRow {
  const attempt: AttemptRow = {
    message: row,
    attempt: row.attempts.length + 1,
    startedAt: now,
    workerId,
    status: "sending",
    carrierId: null,
    error: null,
    events: [],
  };
  row.attempts.push(attempt);
  row.slot = null;
  keepAlive(ledger, workerId, now + leaseMs).sending.add(attempt);
  change(ledger, row, { status: "sending", attempts: row.attempts.length, error: null });
  return attempt;
}
