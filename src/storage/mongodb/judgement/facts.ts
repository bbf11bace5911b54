import { type CarrierStatus, STATUS_RANK, STATUS_WORTH } from "../../../model/delivery-status.ts";
import type {
  RecordedFact,
  Resolution,
  SendRecord,
  SendResultRecord,
  StatusEvent,
  StatusRecord,
} from "../../storage.ts";
import {
  cancelLaterParts,
  change,
  doubt,
  type Ledger,
  refreshDue,
  setAttempt,
  setConsent,
  stopForOptOut,
} from "./ledger.ts";
import { slowPace } from "./paces.ts";
import type { AttemptRow, OutboundRow } from "./rows.ts";
import { shownMessages } from "./rows.ts";

const UNMATCHED: RecordedFact = {
  outcome: "unmatched",
  message: null,
  changed: false,
  duplicate: false,
  cancelled: [],
  consentChanged: false,
};

/** What one fact brought about. */
interface Effects {
  isNew: boolean;
  cancelled: OutboundRow[];
  consentChanged: boolean;
}

/** See {@link Storage.recordSend}. */
export function recordSend(ledger: Ledger, { outboundId, attempt: number, result }: SendRecord): RecordedFact {
  const attempt = findAttempt(ledger, outboundId, number);
  if (attempt === undefined) return UNMATCHED;
  return recordFact(ledger, attempt.message, (effects, now) => {
    switch (result.kind) {
      case "accepted":
        effects.isNew = recordReport(ledger, attempt, answerOf(result, now));
        break;
      case "found":
        if (attempt.status !== "unknown" || ledger.attemptByCarrierId.has(result.carrierId)) break;
        effects.isNew = recordReport(ledger, attempt, answerOf(result, now));
        break;
      case "unseen":
        effects.isNew = recordAbsence(attempt.message, result, now);
        break;
      case "refused":
        effects.isNew = recordRefusal(ledger, attempt, result, now);
        if (result.slow !== undefined) slowPace(ledger, result.slow.key, result.slow.forMs, now);
        if (result.next === "opt-out") optOut(ledger, attempt, effects, now);
        break;
      case "unknown":
        effects.isNew = recordSilence(ledger, attempt, result, now);
        break;
      default:
        result satisfies never;
    }
  });
}

type Answer = Extract<SendResultRecord, { kind: "accepted" | "found" }>;

function answerOf({ carrierId, status }: Answer, now: number): StatusEvent {
  return { carrierId, status, rawStatus: status, error: null, at: now, times: 1 };
}

/** See {@link Storage.recordStatus}. */
export function recordStatus(ledger: Ledger, record: StatusRecord): RecordedFact {
  const attempt =
    findAttempt(ledger, record.outboundId, record.attempt) ?? ledger.attemptByCarrierId.get(record.carrierId);
  if (attempt === undefined || attempt === "erased") return UNMATCHED;
  return recordFact(ledger, attempt.message, (effects, now) => {
    const { carrierId, status, rawStatus, error } = record;
    effects.isNew = recordReport(ledger, attempt, { carrierId, status, rawStatus, error, at: now, times: 1 });
    if (record.optOut) optOut(ledger, attempt, effects, now);
  });
}

/** See {@link Storage.resolve}. */
export function resolve(ledger: Ledger, resolution: Resolution): RecordedFact {
  const { outboundId, attempts, from, decision, reason, expiryMs } = resolution;
  const row = ledger.messages.get(outboundId);
  if (row?.direction !== "outbound") return UNMATCHED;
  return recordFact(ledger, row, (effects, now) => {
    const isAsDecidedAbout = attempts === null || row.message.attempts === attempts;
    effects.isNew = from.some((status) => status === row.message.status) && isAsDecidedAbout;
    if (!effects.isNew) return;
    switch (decision) {
      case "resend":
        row.notBefore = now;
        row.expiresAt = Math.max(row.expiresAt, now + expiryMs);
        change(ledger, row, { status: "intent", error: null });
        break;
      case "sent": {
        const newest = row.attempts.at(-1);
        if (newest?.status === "unknown") setAttempt(ledger, newest, "accepted", null);
        change(ledger, row, { status: "accepted", error: null });
        break;
      }
      case "hold":
        change(ledger, row, { status: "held", error: { code: null, reason } });
        break;
      case "drop":
        change(ledger, row, { status: "failed", error: { code: null, reason } });
        break;
      default:
        decision satisfies never;
    }
  });
}

function findAttempt(ledger: Ledger, outboundId: string | null, attempt: number | null): AttemptRow | undefined {
  const row = outboundId === null ? undefined : ledger.messages.get(outboundId);
  if (row?.direction !== "outbound" || attempt === null) return undefined;
  return row.attempts[attempt - 1];
}

/** Runs one fact about a message and tells what became of it. */
function recordFact(ledger: Ledger, row: OutboundRow, act: (effects: Effects, now: number) => void): RecordedFact {
  const before = row.message.status;
  const effects: Effects = { isNew: false, cancelled: [], consentChanged: false };
  act(effects, ledger.clock.now());
  const { status } = row.message;
  const changed = status !== before;
  if (changed && (status === "failed" || status === "undelivered" || status === "held")) {
    effects.cancelled.push(...cancelLaterParts(ledger, row));
  }
  refreshDue(ledger, row.conversation);
  return {
    outcome: effects.isNew ? "recorded" : "repeated",
    message: row.message,
    changed,
    duplicate: row.message.carrierIds.length > 1,
    cancelled: shownMessages(effects.cancelled),
    consentChanged: effects.consentChanged,
  };
}

/** Keeps what the carrier reports of an attempt. Returns whether it was news. */
function recordReport(ledger: Ledger, attempt: AttemptRow, event: StatusEvent): boolean {
  const row = attempt.message;
  const { carrierId } = event;
  attempt.carrierId ??= carrierId;
  if (!ledger.attemptByCarrierId.has(carrierId)) ledger.attemptByCarrierId.set(carrierId, attempt);
  if (!row.message.carrierIds.includes(carrierId)) {
    change(ledger, row, { carrierIds: [...row.message.carrierIds, carrierId] });
  }
  const known = attempt.events.findIndex((earlier) => isSameEvent(earlier, event));
  if (known >= 0) {
    attempt.events = attempt.events.map((one, at) => (at === known ? { ...one, times: one.times + 1 } : one));
    return false;
  }
  attempt.events = [...attempt.events, event];
  if (STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {
    setAttempt(ledger, attempt, event.status, event.error);
    showBest(ledger, row);
  }
  return true;
}

function isSameEvent(one: StatusEvent, other: StatusEvent): boolean {
  const isSameStatus = one.status === other.status && one.rawStatus === other.rawStatus;
  return isSameStatus && one.carrierId === other.carrierId && one.error?.code === other.error?.code;
}

/**
 * The attempt whose state the message shows, among those that may have left; the later one of two equals. An unknown
 * one behind which another has left is decided about already.
 */
export function bestOf(row: OutboundRow): { readonly attempt: AttemptRow; readonly status: PossiblyLeft } | null {
  let best: { readonly attempt: AttemptRow; readonly status: PossiblyLeft } | null = null;
  const last = row.attempts.findLast(({ status }) => status !== "refused");
  for (const attempt of row.attempts) {
    const { status } = attempt;
    if (status === "refused" || (status === "unknown" && attempt !== last)) continue;
    if (best === null || STATUS_WORTH[status] >= STATUS_WORTH[best.status]) best = { attempt, status };
  }
  return best;
}

type PossiblyLeft = "sending" | "unknown" | CarrierStatus;

function showBest(ledger: Ledger, row: OutboundRow): void {
  const best = bestOf(row);
  if (best === null) return;
  const isLost = best.status === "failed" || best.status === "undelivered";
  change(ledger, row, { status: best.status, error: isLost ? best.attempt.error : null });
}

type Refusal = Extract<SendResultRecord, { kind: "refused" }>;

function recordRefusal(ledger: Ledger, attempt: AttemptRow, refusal: Refusal, now: number): boolean {
  if (attempt.status !== "sending" && attempt.status !== "unknown") return false;
  setAttempt(ledger, attempt, "refused", refusal.error);
  const row = attempt.message;
  const { status } = row.message;
  if (status !== "sending" && status !== "unknown" && status !== "intent") return true;
  const mayRetry = refusal.next === "retry" && row.message.origin !== "auto-reply";
  const best = bestOf(row);
  if (best !== null && (mayRetry || best.status !== "unknown")) {
    doubt(row, now, refusal.retryInMs);
    if (status === "intent") row.notBefore = Math.max(row.notBefore, now + refusal.retryInMs);
    else showBest(ledger, row);
    return true;
  }
  row.notBefore = now + refusal.retryInMs;
  change(ledger, row, { status: mayRetry ? "intent" : "failed", error: refusal.error });
  return true;
}

type Silence = Extract<SendResultRecord, { kind: "unknown" }>;

function recordSilence(ledger: Ledger, attempt: AttemptRow, { lookInMs, error }: Silence, now: number): boolean {
  if (attempt.status !== "sending") return false;
  setAttempt(ledger, attempt, "unknown", error);
  const row = attempt.message;
  if (row.message.status !== "sending") return true;
  doubt(row, now, lookInMs);
  showBest(ledger, row);
  return true;
}

type Absence = Extract<SendResultRecord, { kind: "unseen" }>;

function recordAbsence(row: OutboundRow, { lookInMs, asOf }: Absence, now: number): boolean {
  if (row.message.status !== "unknown") return false;
  row.settleAt = now + lookInMs;
  row.witnessSince ??= asOf;
  return true;
}

/** What was refused of an attempt that began before the person opted in again is old news. */
function optOut(ledger: Ledger, { message, startedAt }: AttemptRow, effects: Effects, now: number): void {
  const { conversation } = message;
  const filed = ledger.consents.get(conversation.consentKey);
  if (filed?.state === "opted-in" && filed.changedAt > startedAt) return;
  const consent = { state: "opted-out", source: "refused-send", changedAt: now } as const;
  effects.consentChanged = setConsent(ledger, conversation.consentKey, consent);
  effects.cancelled.push(...stopForOptOut(ledger, conversation, conversation.shown.inboundSeq, now));
}
