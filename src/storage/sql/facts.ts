import type { RecordedFact, Resolution, SendRecord, SendResultRecord, StatusRecord } from "../storage.ts";
import { type Answer, answerOf } from "./answer.ts";
import type { SqlRow } from "./driver.ts";
import type { Ledger, Run } from "./operation.ts";
import { REASONS } from "./reasons.ts";
import { errorText, integer, outboundOf, reasonText } from "./rows.ts";
import type { Params } from "./statement.ts";

async function recordFact(ledger: Ledger, fact: Run, params: Params, optOut: boolean): Promise<RecordedFact> {
  const run: Run = [
    ...fact,
    "fact.change",
    optOut && "fact.optOut",
    "fact.laterParts",
    "common.settle",
    "fact.finish",
    "common.answer",
  ];
  const results = await ledger.commit(run, {
    ...params,
    consentState: "opted-out",
    consentSource: "refused-send",
    optOutReason: reasonText(REASONS.optedOut),
    cancelReason: reasonText(REASONS.earlierPart),
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
      return await recordFact(ledger, ["fact.report", "fact.event"], { ...found, ...eventOf(result) }, false);
    case "found":
      return await recordFact(ledger, ["fact.finding", "fact.event"], { ...found, ...eventOf(result) }, false);
    case "unseen": {
      const { lookInMs, asOf } = result;
      return await recordFact(ledger, ["fact.absence"], { ...found, lookInMs, asOf }, false);
    }
    case "refused": {
      const { next, retryInMs, error, slow } = result;
      const refusal = { next, retryInMs, error: errorText(error), slowKey: slow?.key, slowMs: slow?.forMs };
      const run: Run = ["fact.refusal", slow !== undefined && "fact.slowDown"];
      return await recordFact(ledger, run, { ...found, ...refusal }, next === "opt-out");
    }
    case "unknown": {
      const { lookInMs, error } = result;
      return await recordFact(ledger, ["fact.silence"], { ...found, lookInMs, error: errorText(error) }, false);
    }
    default:
      return result satisfies never;
  }
}

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
  return await recordFact(ledger, ["fact.report", "fact.event"], { op, outboundId, attempt, ...event }, optOut);
}

const DECISIONS = { resend: "intent", sent: "accepted", hold: "held", drop: "failed" } as const;

/** See `Storage.resolve`. */
export async function resolve(ledger: Ledger, resolution: Resolution): Promise<RecordedFact> {
  const { op, outboundId, attempts, from, decision, reason, expiryMs } = resolution;
  const isStopped = decision === "hold" || decision === "drop";
  const decided = { status: DECISIONS[decision], error: isStopped ? reasonText(reason) : null, expiryMs };
  const about = { op, outboundId, attempts, from: JSON.stringify(from) };
  return await recordFact(ledger, ["fact.resolution"], { ...about, ...decided }, false);
}
