import { oneOf } from "../sql/fields.ts";
import type { RecordedFact, SendRecord, StatusRecord } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { literal, operation } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";
import { REASONS } from "./reasons.ts";
import { errorText, outboundOf, reasonText } from "./rows.ts";

export const FACTS: readonly string[] = [
  // What a change of a message brings with it; its conversation is locked. "p_before" is the status that it had.
  `create function ownline_1_fact_told(p_op text, p_now bigint, p_message text, p_before text, p_is_new boolean,
    p_refused_at bigint) returns json language plpgsql as $body$
declare
  msg ownline_messages;
  conv ownline_conversations;
  moved text[] := '{}';
  cancelled text[] := '{}';
  consent_changed boolean := false;
  opted_out boolean;
begin
  select * into msg from ownline_messages m where m.id = p_message;
  select * into conv from ownline_conversations c where c.id = msg.conversation_id;
  if msg.status <> p_before then moved := array[msg.id]; end if;
  -- What was refused of an attempt that began before the person opted in again is old news.
  opted_out := p_refused_at is not null and not exists (
    select 1 from ownline_consents s
    where s.consent_key = conv.consent_key and s.state = 'opted-in' and s.changed_at > p_refused_at);
  if opted_out then
    consent_changed := ownline_1_consent(conv.consent_key, 'opted-out', 'refused-send', p_now);
    cancelled := ownline_1_stop(conv.consent_key, conv.id, conv.inbound_seq, moved, p_now);
  else
    if msg.status <> p_before and msg.status in ('failed', 'undelivered', 'held') then
      cancelled := ownline_1_later_parts(msg.group_id, msg.part);
      perform ownline_1_cancel(cancelled, ${literal(reasonText(REASONS.earlierPart))});
    end if;
    perform ownline_1_settle(conv.id, moved || cancelled);
  end if;
  return ownline_1_keep(p_op, p_now, case when p_is_new then 'recorded' else 'repeated' end,
    jsonb_build_object('changed', msg.status <> p_before, 'consentChanged', consent_changed),
    ownline_1_entries('message', array[msg.id]) || ownline_1_entries('cancelled', cancelled), null);
end
$body$`,

  operation({
    name: "record_fact",
    args: `kind text, outbound_id text, attempt integer, called_back text, opt_out boolean, slow_key text,
    slow_for_ms bigint`,
    declare: `att ownline_attempts;
  consent_key text;
  before text;
  is_new boolean;`,
    body: `select * into att from ownline_attempts a where a.outbound_id = arg.outbound_id and a.n = arg.attempt;
  if not found then
    select a.* into att from ownline_keys k join ownline_attempts a on a.outbound_id = k.ref and a.n = k.attempt
      where k.kind = 'carrier' and k.key = arg.called_back;
  end if;
  if arg.opt_out then
    select c.consent_key into consent_key from ownline_conversations c where c.id = att.conversation_id;
    perform ownline_1_lock_consent(consent_key, true);
    perform ownline_1_lock_person(consent_key, att.conversation_id);
  else
    perform 1 from ownline_conversations c where c.id = att.conversation_id for update;
  end if;
  moment := ownline_1_now(p_now);
  select m.status into before from ownline_messages m where m.id = att.outbound_id;
  if not found then return ownline_1_keep(null, moment, 'unmatched', null, '[]', null); end if;

  is_new := case arg.kind
    when 'reported' then ownline_1_report(att.outbound_id, att.n, p, moment)
    when 'found' then ownline_1_found(att.outbound_id, att.n, p, moment)
    when 'refused' then ownline_1_refusal(att.outbound_id, att.n, p, moment)
    when 'unknown' then ownline_1_silence(att.outbound_id, att.n, p, moment)
    when 'unseen' then ownline_1_absence(att.outbound_id, att.n, p, moment)
  end;
  kept := ownline_1_fact_told(arg.op, moment, att.outbound_id, before, is_new,
    case when arg.opt_out then att.started_at end);
  if arg.slow_key is not null then perform ownline_1_slow_pace(arg.slow_key, arg.slow_for_ms, moment); end if;
  return kept;`,
  }),
];

const OUTCOMES: readonly RecordedFact["outcome"][] = ["recorded", "repeated", "unmatched"];

/** What a fact's function answered. */
export function recordedFact(told: unknown): RecordedFact {
  const { outcome, detail, messages } = answerOf(told);
  const [row] = messages("message");
  if (row === undefined) {
    const nothing = { message: null, changed: false, duplicate: false, cancelled: [], consentChanged: false };
    return { outcome: "unmatched", ...nothing };
  }
  const message = outboundOf(row);
  return {
    outcome: oneOf(outcome, "outcome", OUTCOMES),
    message,
    changed: detail.changed === true,
    duplicate: message.carrierIds.length > 1,
    cancelled: messages("cancelled").map(outboundOf),
    consentChanged: detail.consentChanged === true,
  };
}

type Fact = Readonly<Record<string, unknown>>;

async function recordFact(ledger: PostgresLedger, fact: Fact): Promise<RecordedFact> {
  return recordedFact(await ledger.call("record_fact", fact));
}

/** See `Storage.recordSend`. */
export async function recordSend(ledger: PostgresLedger, sent: SendRecord): Promise<RecordedFact> {
  const { outboundId, attempt, result } = sent;
  const about = { op: `recordSend ${sent.op}`, outbound_id: outboundId, attempt, opt_out: false };
  switch (result.kind) {
    case "accepted":
    case "found": {
      const { carrierId, status } = result;
      const kind = result.kind === "found" ? "found" : "reported";
      const event = {
        carrier_id: carrierId,
        status,
        raw_status: JSON.stringify(status),
        error: null,
        error_code: null,
      };
      return await recordFact(ledger, { ...about, kind, ...event });
    }
    case "refused": {
      const { kind, next, retryInMs, error, slow } = result;
      const refusal = { kind, next, retry_in_ms: retryInMs, error: errorText(error), opt_out: next === "opt-out" };
      return await recordFact(ledger, {
        ...about,
        ...refusal,
        slow_key: slow?.key ?? null,
        slow_for_ms: slow?.forMs ?? null,
      });
    }
    case "unknown": {
      const { kind, lookInMs, error } = result;
      return await recordFact(ledger, { ...about, kind, look_in_ms: lookInMs, error: errorText(error) });
    }
    case "unseen": {
      const { kind, lookInMs, asOf } = result;
      return await recordFact(ledger, { ...about, kind, look_in_ms: lookInMs, as_of: asOf });
    }
    default:
      return result satisfies never;
  }
}

/** See `Storage.recordStatus`. */
export async function recordStatus(ledger: PostgresLedger, report: StatusRecord): Promise<RecordedFact> {
  const { error } = report;
  return await recordFact(ledger, {
    op: `recordStatus ${report.op}`,
    kind: "reported",
    outbound_id: report.outboundId,
    attempt: report.attempt,
    called_back: report.carrierId,
    carrier_id: report.carrierId,
    status: report.status,
    raw_status: JSON.stringify(report.rawStatus),
    error: errorText(error),
    error_code: error?.code ?? null,
    opt_out: report.optOut,
  });
}
