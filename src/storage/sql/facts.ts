import { STATUS_RANK, STATUS_WORTH } from "../../model/delivery-status.ts";
import type { RecordedFact, SendRecord, StatusRecord, UnknownResolution } from "../storage.ts";
import { type Answer, answerOf } from "./answer.ts";
import type { SqlRow } from "./driver.ts";
import { ANSWER_SUBJECT, act, FRESH, type Ledger, marker, note, READ_ANSWER, SNAPSHOT } from "./operation.ts";
import { cancelForConsent, cancelLaterParts, SETTLE, silence, subjectChanged, writeConsent } from "./order.ts";
import { REASONS } from "./reasons.ts";
import { errorText, integer, outboundOf, reasonText } from "./rows.ts";
import { type Params, type Statement, statement } from "./statement.ts";

/** `case` over the words of a status column, from a table of the model. */
function ranked(column: string, ranks: Readonly<Record<string, number>>): string {
  return `case ${column} ${Object.entries(ranks)
    .map(([status, rank]) => `when '${status}' then ${rank}`)
    .join(" ")} end`;
}

/** News: the marker's outcome says so. A repetition may still bring an opt-out. */
const NEW = "o.outcome = 'recorded'";

const MATCHED = "o.outcome <> 'unmatched'";

/** The attempt that the operation speaks of, as `a`. */
const OWN_ATTEMPT = "a.outbound_id = o.subject and a.n = o.detail ->> 'attempt'";

const OWN_MESSAGE = "m.id = o.subject";

/** The attempt whose state message `m` shows: the best that may have left, the later one of two equals. */
const BEST = `(select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> 'refused'
  order by ${ranked("b.status", STATUS_WORTH)} desc, b.n desc limit 1)`;

const BEST_STATUS = `(select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = ${BEST})`;

const SHOW_BEST = `status = coalesce(${BEST_STATUS}, m.status),
  error = (select a.error from ownline_attempts a where a.outbound_id = m.id and a.n = ${BEST}
    and a.status in ('failed', 'undelivered'))`;

/** Finds the attempt by (outbound id, attempt), or else by the id that the carrier calls it by. */
const FIND = `left join ownline_attempts direct on direct.outbound_id = :outboundId and direct.n = :attempt
  left join ownline_keys k on k.kind = 'carrier' and k.key = :calledBack and direct.outbound_id is null
  left join ownline_attempts a on a.outbound_id = coalesce(direct.outbound_id, k.ref)
    and a.n = coalesce(direct.n, k.attempt)
  left join ownline_messages m on m.id = a.outbound_id`;

const NEW_DETAIL = "json_object('attempt', a.n, 'before', m.status)";

/** The event of the same attempt that says the same. */
const SAME_EVENT = `e.carrier_id = :carrierId and e.status = :status and e.raw_status = :rawStatus
  and (e.error ->> 'code') is (:error ->> 'code') and (e.error is null) = (:error is null)`;

/** What the carrier reports of an attempt: `accepted` answers and callbacks. */
const REPORT: readonly Statement[] = [
  marker({
    outcome: `case
      when m.id is null then 'unmatched'
      when exists (select 1 from ownline_events e where e.outbound_id = a.outbound_id and e.attempt = a.n
        and ${SAME_EVENT}) then 'repeated'
      else 'recorded'
    end`,
    conversation: "m.conversation_id",
    subject: "m.id",
    detail: NEW_DETAIL,
    from: FIND,
  }),
  act(
    "events",
    "e",
    "times = e.times + 1",
    `o.outcome = 'repeated' and e.outbound_id = o.subject and e.attempt = o.detail ->> 'attempt' and ${SAME_EVENT}`,
  ),
  statement(`
    insert into ownline_events (outbound_id, attempt, position, carrier_id, status, raw_status, error, at, times)
    select a.outbound_id, a.n,
      1 + coalesce((select max(e.position) from ownline_events e
        where e.outbound_id = a.outbound_id and e.attempt = a.n), 0),
      :carrierId, :status, :rawStatus, :error, o.at, 1
    from ownline_ops o join ownline_attempts a on ${OWN_ATTEMPT} where ${FRESH} and ${NEW}`),
  statement(`
    insert into ownline_keys (kind, key, ref, attempt)
    select 'carrier', :carrierId, o.subject, o.detail ->> 'attempt' from ownline_ops o where ${FRESH} and ${MATCHED}
    on conflict (kind, key) do nothing`),
  act(
    "messages",
    "m",
    "carrier_ids = json_insert(m.carrier_ids, '$[#]', :carrierId)",
    `${MATCHED} and ${OWN_MESSAGE}
      and not exists (select 1 from json_each(m.carrier_ids) i where i.value = :carrierId)`,
  ),
  act("attempts", "a", "carrier_id = :carrierId", `${MATCHED} and a.carrier_id is null and ${OWN_ATTEMPT}`),
  note(
    `detail = json_set(o.detail, '$.rises', coalesce((select ${ranked("a.status", STATUS_RANK)} < ${ranked(":status", STATUS_RANK)}
      from ownline_attempts a where ${OWN_ATTEMPT}), 0))`,
    NEW,
  ),
  act(
    "attempts",
    "a",
    "status = :status, error = :error, worker = null",
    `${NEW} and o.detail ->> 'rises' = 1 and ${OWN_ATTEMPT}`,
  ),
  act("messages", "m", SHOW_BEST, `${NEW} and o.detail ->> 'rises' = 1 and ${OWN_MESSAGE}`),
];

/** Whether message `m` may be handed over again after a refusal. */
const MAY_RETRY = ":next = 'retry' and m.origin <> 'auto-reply'";

/** Whether another attempt of `m` decides what becomes of it. */
const OTHER_DECIDES = `${BEST} is not null and (${MAY_RETRY} or ${BEST_STATUS} <> 'unknown')`;

/** The carrier did not take an attempt. */
const REFUSAL: readonly Statement[] = [
  marker({
    outcome: `case
      when m.id is null then 'unmatched'
      when a.status in ('sending', 'unknown') then 'recorded'
      else 'repeated'
    end`,
    conversation: "m.conversation_id",
    subject: "m.id",
    detail: NEW_DETAIL,
    from: FIND,
  }),
  act("attempts", "a", "status = 'refused', error = :error, worker = null", `${NEW} and ${OWN_ATTEMPT}`),
  note(
    `detail = json_set(o.detail, '$.way', (select case
        when m.status not in ('sending', 'unknown', 'intent') then 'none'
        when not (${OTHER_DECIDES}) then 'refused'
        when m.status = 'intent' then 'later'
        else 'other'
      end from ownline_messages m where ${OWN_MESSAGE}))`,
    NEW,
  ),
  act(
    "messages",
    "m",
    `settle_at = o.at + :retryInMs, unknown_since = o.at,
      not_before = case when m.status = 'intent' then max(m.not_before, o.at + :retryInMs) else m.not_before end`,
    `${NEW} and o.detail ->> 'way' in ('later', 'other') and ${OWN_MESSAGE}`,
  ),
  act("messages", "m", SHOW_BEST, `${NEW} and o.detail ->> 'way' = 'other' and ${OWN_MESSAGE}`),
  act(
    "messages",
    "m",
    `not_before = o.at + :retryInMs, status = case when ${MAY_RETRY} then 'intent' else 'failed' end, error = :error`,
    `${NEW} and o.detail ->> 'way' = 'refused' and ${OWN_MESSAGE}`,
  ),
];

/** Nobody knows whether the carrier took an attempt. */
const SILENCE: readonly Statement[] = [
  marker({
    outcome: `case
      when m.id is null then 'unmatched'
      when a.status = 'sending' then 'recorded'
      else 'repeated'
    end`,
    conversation: "m.conversation_id",
    subject: "m.id",
    detail: NEW_DETAIL,
    from: FIND,
  }),
  act("attempts", "a", "status = 'unknown', error = :error, worker = null", `${NEW} and ${OWN_ATTEMPT}`),
  act(
    "messages",
    "m",
    `unknown_since = o.at, settle_at = o.at + :windowMs, ${SHOW_BEST}`,
    `${NEW} and m.status = 'sending' and ${OWN_MESSAGE}`,
  ),
];

const RESOLUTION: readonly Statement[] = [
  marker({
    outcome: `case when m.id is null then 'unmatched' when m.status = 'unknown' then 'recorded' else 'repeated' end`,
    conversation: "m.conversation_id",
    subject: "m.id",
    detail: "json_object('before', m.status)",
    from: "left join ownline_messages m on m.id = :outboundId and m.status is not null",
  }),
  act(
    "messages",
    "m",
    `not_before = case when :status = 'intent' then o.at else m.not_before end, status = :status,
      error = coalesce(:error, m.error)`,
    `${NEW} and ${OWN_MESSAGE}`,
  ),
];

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
    case "accepted": {
      const { carrierId, status } = result;
      const event = { carrierId, status, rawStatus: JSON.stringify(status), error: null };
      return await recordFact(ledger, REPORT, { ...found, ...event }, false);
    }
    case "refused": {
      const { next, retryInMs, error } = result;
      const refusal = { next, retryInMs, error: errorText(error) };
      return await recordFact(ledger, REFUSAL, { ...found, ...refusal }, next === "opt-out");
    }
    case "unknown": {
      const { windowMs, error } = result;
      return await recordFact(ledger, SILENCE, { ...found, windowMs, error: errorText(error) }, false);
    }
    default:
      return result satisfies never;
  }
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

const DECISIONS = { resend: "intent", hold: "held", drop: "failed" } as const;

/** See `Storage.resolveUnknown`. */
export async function resolveUnknown(ledger: Ledger, resolution: UnknownResolution): Promise<RecordedFact> {
  const { op, outboundId, decision, reason } = resolution;
  const error = decision === "resend" ? null : reasonText(reason);
  return await recordFact(ledger, RESOLUTION, { op, outboundId, status: DECISIONS[decision], error }, false);
}
