import type { RecordedFact, Resolution, SendRecord, SendResultRecord, StatusRecord } from "../storage.ts";
import { type Answer, answerOf } from "./answer.ts";
import type { SqlRow } from "./driver.ts";
import { ABSENCE, FINDING, MATCHED, OWN_MESSAGE, REFUSAL, REPORT, RESOLUTION, SILENCE } from "./fact-steps.ts";
import { ANSWER_SUBJECT, act, type Ledger, note, READ_ANSWER, SNAPSHOT } from "./operation.ts";
import { cancelForConsent, cancelLaterParts, SETTLE, silence, subjectChanged, writeConsent } from "./order.ts";
import { slowDown } from "./paces.ts";
import { REASONS } from "./reasons.ts";
import { errorText, integer, outboundOf, reasonText } from "./rows.ts";
import type { Params, Statement } from "./statement.ts";

/** Whether the subject is another than before; `m` is the message. */
const HAS_CHANGED = `exists (select 1 from ownline_messages m where ${OWN_MESSAGE}
  and m.status <> o.detail ->> 'before')`;

const IS_STOPPED = `exists (select 1 from ownline_messages m where ${OWN_MESSAGE}
  and m.status <> o.detail ->> 'before' and m.status in ('failed', 'undelivered', 'held'))`;

/** A message that is open no more is never due. */
const UNLIST = act(
  "messages",
  "m",
  "due_at = null",
  `${OWN_MESSAGE} and m.due_at is not null and m.status not in ('intent', 'unknown')`,
);

const CHANGED: Statement = subjectChanged(HAS_CHANGED);

const LATER_PARTS = cancelLaterParts(IS_STOPPED);

const OPT_OUT: readonly Statement[] = [
  note(
    `detail = json_set(o.detail, '$.consentChanged', not exists (
      select 1 from ownline_conversations c join ownline_consents s on s.consent_key = c.consent_key
      where c.id = o.conversation_id and s.state = 'opted-out'))`,
    MATCHED,
  ),
  writeConsent(MATCHED),
  ...silence(MATCHED),
  ...cancelForConsent(MATCHED),
];

const FINISH: readonly Statement[] = [
  note(`detail = json_set(o.detail, '$.changed', ${HAS_CHANGED})`, MATCHED),
  ANSWER_SUBJECT,
  SNAPSHOT,
  ...READ_ANSWER,
];

async function recordFact(
  ledger: Ledger,
  steps: readonly Statement[],
  params: Params,
  optOut: boolean,
): Promise<RecordedFact> {
  const consequences = optOut ? OPT_OUT : LATER_PARTS;
  const results = await ledger.commit([...steps, UNLIST, CHANGED, ...consequences, ...SETTLE, ...FINISH], {
    ...params,
    consentState: "opted-out",
    consentSource: "refused-send",
    cancelReason: reasonText(optOut ? REASONS.optedOut : REASONS.earlierPart),
  });
  return factOf(answerOf(results));
}

function factOf({ outcome, detail, messages }: Answer): RecordedFact {
  const [row]: readonly SqlRow[] = messages("message");
  const message = row === undefined ? null : outboundOf(row);
  const nothing = { changed: false, duplicate: false, cancelled: [], consentChanged: false };
  if (message === null) return { outcome: "unmatched", message, ...nothing };
  return {
    outcome: outcome === "recorded" ? "recorded" : "repeated",
    message,
    changed: integer(detail, "changed") === 1,
    duplicate: message.carrierIds.length > 1,
    cancelled: messages("cancelled").map(outboundOf),
    consentChanged: detail.consentChanged === 1,
  };
}

/** See `Storage.recordSend`. */
export async function recordSend(ledger: Ledger, sent: SendRecord): Promise<RecordedFact> {
  const { op, outboundId, attempt, result } = sent;
  const found = { op, outboundId, attempt, calledBack: null };
  switch (result.kind) {
    case "accepted":
      return await recordFact(ledger, REPORT, { ...found, ...eventOf(result) }, false);
    case "found":
      return await recordFact(ledger, FINDING, { ...found, ...eventOf(result) }, false);
    case "unseen": {
      const { lookInMs, asOf } = result;
      return await recordFact(ledger, ABSENCE, { ...found, lookInMs, asOf }, false);
    }
    case "refused": {
      const { next, retryInMs, error, slow } = result;
      const refusal = { next, retryInMs, error: errorText(error), slowKey: slow?.key, slowMs: slow?.forMs };
      const steps = slow === undefined ? REFUSAL : SLOWING_REFUSAL;
      return await recordFact(ledger, steps, { ...found, ...refusal }, next === "opt-out");
    }
    case "unknown": {
      const { lookInMs, error } = result;
      return await recordFact(ledger, SILENCE, { ...found, lookInMs, error: errorText(error) }, false);
    }
    default:
      return result satisfies never;
  }
}

const SLOWING_REFUSAL: readonly Statement[] = [...REFUSAL, slowDown(MATCHED)];

function eventOf({ carrierId, status }: Extract<SendResultRecord, { kind: "accepted" | "found" }>): Params {
  return { carrierId, status, rawStatus: JSON.stringify(status), error: null };
}

/** See `Storage.recordStatus`. */
export async function recordStatus(ledger: Ledger, report: StatusRecord): Promise<RecordedFact> {
  const { op, outboundId, attempt, carrierId, status, rawStatus, error, optOut } = report;
  const event = {
    calledBack: carrierId,
    carrierId,
    status,
    rawStatus: JSON.stringify(rawStatus),
    error: errorText(error),
  };
  return await recordFact(ledger, REPORT, { op, outboundId, attempt, ...event }, optOut);
}

const DECISIONS = { resend: "intent", sent: "accepted", hold: "held", drop: "failed" } as const;

/** See `Storage.resolve`. */
export async function resolve(ledger: Ledger, resolution: Resolution): Promise<RecordedFact> {
  const { op, outboundId, attempts, from, decision, reason, expiryMs } = resolution;
  const isStopped = decision === "hold" || decision === "drop";
  const decided = { status: DECISIONS[decision], error: isStopped ? reasonText(reason) : null, expiryMs };
  const about = { op, outboundId, attempts, from: JSON.stringify(from) };
  return await recordFact(ledger, RESOLUTION, { ...about, ...decided }, false);
}
