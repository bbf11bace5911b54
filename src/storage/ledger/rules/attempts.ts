import { type AttemptStatus, type ProviderStatus, STATUS_RANK, STATUS_WORTH } from "../../../model/delivery-status.ts";
import type { MessageError } from "../../../model/message.ts";
import type {
  ConsentKeys,
  RecordedDelivery,
  RetryTerms,
  SendRecord,
  SendResultRecord,
  StatusEvent,
  StatusRecord,
} from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import { nameOf } from "../held.ts";
import { outboundOf } from "../shown.ts";
import type { Attempt, WorkingSet } from "../working-set.ts";
import { fileConsent, filedKey, hasOptedInSince, onlyKey, stopForOptOut } from "./consent.ts";
import { beginUnknown, cancelLaterParts, changeStatus, conversationOfMessage, nextInMs, refreshDue } from "./order.ts";
import { backOff } from "./rate-limit.ts";

export const UNMATCHED: RecordedDelivery = {
  outcome: "unmatched",
  message: null,
  changed: false,
  duplicate: false,
  cancelled: [],
  consentChanged: false,
  nextInMs: null,
};

/** What one delivery event changed. */
export interface Effects {
  isNew: boolean;
  cancelled: Outbound[];
  consentChanged: boolean;
}

/** See `Storage.recordSend`. */
export function recordSend(
  set: WorkingSet,
  { outboundId, attempt: number, result, consents }: SendRecord,
): RecordedDelivery {
  const row = set.outbound(outboundId);
  const attempt = set.attempts.get(nameOf(outboundId, number));
  if (row === undefined || attempt === undefined) return UNMATCHED;
  return recordEvent(set, row, (effects) => {
    switch (result.kind) {
      case "accepted":
        effects.isNew = recordCallback(set, row, attempt, answerOf(result, null, set.now));
        break;
      case "found":
        if (attempt.status !== "unknown" || set.key("provider", result.providerMessageId) !== undefined) break;
        effects.isNew = recordCallback(
          set,
          row,
          attempt,
          answerOf(result, result.error ?? null, set.now),
          result.retry,
        );
        break;
      case "unseen":
        effects.isNew = recordAbsence(set, row, result);
        break;
      case "refused":
        effects.isNew = recordRefusal(set, row, attempt, result);
        if (result.backOff !== undefined) backOff(set, result.backOff.key, result.backOff.forMs);
        if (result.next === "opt-out") optOut(set, row, attempt, consents, effects);
        break;
      case "unknown":
        effects.isNew = recordSilence(set, row, attempt, result);
        break;
      default:
        result satisfies never;
    }
  });
}

type Answer = Extract<SendResultRecord, { kind: "accepted" | "found" }>;

function answerOf({ providerMessageId, status }: Answer, error: MessageError | null, now: number): StatusEvent {
  return { providerMessageId, status, rawStatus: status, error, at: now, times: 1 };
}

/** See `Storage.recordStatus`. */
export function recordStatus(set: WorkingSet, record: StatusRecord): RecordedDelivery {
  const { providerMessageId, status, rawStatus, error } = record;
  const attempt = attemptOf(set, record);
  const row = attempt === undefined ? undefined : set.outbound(attempt.outboundId);
  if (row === undefined || attempt === undefined) return UNMATCHED;
  return recordEvent(set, row, (effects) => {
    const event = { providerMessageId, status, rawStatus, error, at: set.now, times: 1 };
    effects.isNew = recordCallback(set, row, attempt, event, record.retry);
    if (record.optOut) optOut(set, row, attempt, record.consents, effects);
  });
}

/** Finds the attempt by its number, otherwise by the provider's id. */
function attemptOf(set: WorkingSet, { outboundId, attempt, providerMessageId }: StatusRecord): Attempt | undefined {
  const named = outboundId === null || attempt === null ? undefined : set.attempts.get(nameOf(outboundId, attempt));
  if (named !== undefined) return named;
  const known = set.key("provider", providerMessageId);
  if (known === undefined || known.ref === null || known.attempt === null) return undefined;
  return set.attempts.get(nameOf(known.ref, known.attempt));
}

/** Applies a delivery event to a message by `act`, and returns the result. */
export function recordEvent(set: WorkingSet, row: Outbound, act: (effects: Effects) => void): RecordedDelivery {
  const before = row.status;
  const effects: Effects = { isNew: false, cancelled: [], consentChanged: false };
  act(effects);
  const { status } = row;
  const changed = status !== before;
  if (changed && (status === "failed" || status === "undelivered" || status === "held")) {
    effects.cancelled.push(...cancelLaterParts(set, row));
  }
  set.needs("queue");
  refreshDue(set, row.conversationId);
  return {
    outcome: effects.isNew ? "recorded" : "repeated",
    message: outboundOf(row),
    changed,
    duplicate: isDuplicate(set, row),
    cancelled: effects.cancelled.map(outboundOf),
    consentChanged: effects.consentChanged,
    nextInMs: nextInMs(set, row.conversationId),
  };
}

/**
 * Whether the provider has the message twice. Earlier attempts that failed do not count, because they reached no phone.
 */
function isDuplicate(set: WorkingSet, row: Outbound): boolean {
  if (row.providerMessageIds.length < 2) return false;
  const earlier = set.attemptsOf(row).slice(0, -1);
  const failed = earlier.filter(({ status }) => isLost(status)).flatMap((attempt) => set.eventsOf(attempt));
  const ids = new Set(failed.map(({ providerMessageId }) => providerMessageId));
  return row.providerMessageIds.filter((id) => !ids.has(id)).length > 1;
}

/** Sets the status of an attempt and removes its worker, because the request is over. */
export function settleAttempt(attempt: Attempt, status: AttemptStatus, error: MessageError | null): void {
  attempt.worker = null;
  attempt.status = status;
  attempt.error = error;
}

/** Records what the provider reports about an attempt. Returns whether the report is new. */
function recordCallback(
  set: WorkingSet,
  row: Outbound,
  attempt: Attempt,
  report: StatusEvent,
  retry: RetryTerms | null = null,
): boolean {
  const { providerMessageId, status, rawStatus, error, at } = report;
  attempt.providerMessageId ??= providerMessageId;
  if (set.key("provider", providerMessageId) === undefined) {
    const { outboundId: ref, attempt: number } = attempt;
    set.addKey({ kind: "provider", key: providerMessageId, ref, attempt: number, content: null, call: "" });
  }
  if (!row.providerMessageIds.includes(providerMessageId)) {
    row.providerMessageIds = [...row.providerMessageIds, providerMessageId];
  }
  const events = set.eventsOf(attempt);
  const known = events.find((earlier) => {
    const isSameStatus = earlier.status === status && earlier.rawStatus === rawStatus;
    return isSameStatus && earlier.providerMessageId === providerMessageId && earlier.error?.code === error?.code;
  });
  if (known !== undefined) {
    known.times += 1;
    return false;
  }
  const { outboundId, conversationId, attempt: number } = attempt;
  const place = { outboundId, conversationId, attempt: number, position: events.length };
  set.events.add({ ...place, providerMessageId, status, rawStatus, error, at, times: 1 });
  if (STATUS_RANK[status] > STATUS_RANK[attempt.status]) {
    const wasLost = isLost(attempt.status);
    settleAttempt(attempt, status, error);
    // The message already waits because this attempt failed, so a second report of the failure changes nothing.
    if (wasLost && isLost(status) && row.status === "waiting") return true;
    if (retry === null || !sendAgain(set, row, retry)) showBest(set, row);
  }
  return true;
}

/** Only messages in these states may be sent again. Cancelled, held and failed messages stay as they are. */
const OPEN: ReadonlySet<string> = new Set(["waiting", "sending", "unknown", "accepted", "sent"]);

/**
 * Makes a message wait for another attempt, in its place in the order. Its attempts must all have failed, and it must
 * not expire before the retry. The claim of that attempt judges all other conditions anew. An auto-reply is part of the
 * webhook's response, so it cannot be sent again.
 */
function sendAgain(set: WorkingSet, row: Outbound, { firstMs, mostMs }: RetryTerms): boolean {
  if (!OPEN.has(row.status) || row.origin === "auto-reply") return false;
  const best = bestOf(set, row);
  if (best === null || !isLost(best.status)) return false;
  const retryAt = set.now + Math.min(firstMs * 2 ** Math.min(row.attempts - 1, 20), mostMs);
  if (retryAt >= row.expiresAt) return false;
  row.notBefore = Math.max(row.notBefore, retryAt);
  changeStatus(set, row, "waiting", best.attempt.error);
  return true;
}

function isLost(status: AttemptStatus): status is "failed" | "undelivered" {
  return status === "failed" || status === "undelivered";
}

type PossiblyLeft = "sending" | "unknown" | ProviderStatus;

interface Best {
  readonly attempt: Attempt;
  readonly status: PossiblyLeft;
}

/**
 * The attempt whose state the message shows, among those that may have left. Of two equal states, the later attempt. An
 * unknown attempt counts only if no later attempt has left; otherwise a decision about it was already made.
 */
export function bestOf(set: WorkingSet, row: Outbound): Best | null {
  const attempts = set.attemptsOf(row);
  let best: Best | null = null;
  const last = attempts.findLast(({ status }) => status !== "refused");
  for (const attempt of attempts) {
    const { status } = attempt;
    if (status === "refused" || (status === "unknown" && attempt !== last)) continue;
    if (best === null || STATUS_WORTH[status] >= STATUS_WORTH[best.status]) best = { attempt, status };
  }
  return best;
}

function showBest(set: WorkingSet, row: Outbound): void {
  const best = bestOf(set, row);
  if (best === null) return;
  changeStatus(set, row, best.status, isLost(best.status) ? best.attempt.error : null);
}

type Refusal = Extract<SendResultRecord, { kind: "refused" }>;

function recordRefusal(set: WorkingSet, row: Outbound, attempt: Attempt, refusal: Refusal): boolean {
  if (attempt.status !== "sending" && attempt.status !== "unknown") return false;
  settleAttempt(attempt, "refused", refusal.error);
  const { status } = row;
  if (status !== "sending" && status !== "unknown" && status !== "waiting") return true;
  const mayRetry = refusal.next === "retry" && row.origin !== "auto-reply";
  const best = bestOf(set, row);
  const retryAt = set.now + refusal.retryInMs;
  if (best !== null && (mayRetry || best.status !== "unknown")) {
    beginUnknown(row, set.now, refusal.retryInMs);
    if (status === "waiting") row.notBefore = Math.max(row.notBefore, retryAt);
    else showBest(set, row);
    return true;
  }
  row.notBefore = retryAt;
  changeStatus(set, row, mayRetry ? "waiting" : "failed", refusal.error);
  return true;
}

type Silence = Extract<SendResultRecord, { kind: "unknown" }>;

function recordSilence(set: WorkingSet, row: Outbound, attempt: Attempt, { lookInMs, error }: Silence): boolean {
  if (attempt.status !== "sending") return false;
  settleAttempt(attempt, "unknown", error);
  if (row.status !== "sending") return true;
  beginUnknown(row, set.now, lookInMs);
  showBest(set, row);
  return true;
}

type Absence = Extract<SendResultRecord, { kind: "unseen" }>;

function recordAbsence(set: WorkingSet, row: Outbound, { lookInMs, asOf }: Absence): boolean {
  if (row.status !== "unknown") return false;
  row.settleAt = set.now + lookInMs;
  row.evidenceSince ??= asOf;
  return true;
}

/** Opts the person out. A refusal of an attempt that began before the person opted in again does not count. */
function optOut(
  set: WorkingSet,
  row: Outbound,
  { startedAt }: Attempt,
  consents: ConsentKeys | undefined,
  effects: Effects,
): void {
  const conversation = conversationOfMessage(set, row);
  const keys = consents ?? onlyKey(filedKey(set, conversation));
  if (hasOptedInSince(set, keys, startedAt)) return;
  const refused = { state: "opted-out", source: "refused-send", providerBlocks: true } as const;
  effects.consentChanged = fileConsent(set, keys, { ...refused, unlessSince: startedAt });
  effects.cancelled.push(...stopForOptOut(set, conversation, conversation.inboundSeq, keys));
}
