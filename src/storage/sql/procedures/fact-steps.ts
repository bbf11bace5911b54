import { STATUS_RANK, STATUS_WORTH } from "../../../model/delivery-status.ts";
import { act, FRESH, marker, note, statement } from "./steps.ts";

/*
 * What a fact does to its attempt and its message. What follows for others is in facts.ts.
 */

/** `case` over the words of a status column, from a table of the model. */
function ranked(column: string, ranks: Readonly<Record<string, number>>): string {
  return `case ${column} ${Object.entries(ranks)
    .map(([status, rank]) => `when '${status}' then ${rank}`)
    .join(" ")} end`;
}

/** News: the marker's outcome says so. A repetition may still bring an opt-out. */
const NEW = "o.outcome = 'recorded'";

export const MATCHED: string = "o.outcome <> 'unmatched'";

/** The carrier speaks of the attempt, for the first time or again. */
const REPORTED = "o.outcome in ('recorded', 'repeated')";

/** The attempt that the operation speaks of, as `a`. */
export const OWN_ATTEMPT: string = "a.outbound_id = o.subject and a.n = o.detail ->> 'attempt'";

export const OWN_MESSAGE: string = "m.id = o.subject";

/**
 * The attempt whose state message `m` shows: the best that may have left, the later one of two equals. An unknown one
 * behind which another has left is decided about already.
 */
const BEST = `(select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> 'refused'
  and (b.status <> 'unknown' or not exists (select 1 from ownline_attempts l
    where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> 'refused'))
  order by ${ranked("b.status", STATUS_WORTH)} desc, b.n desc limit 1)`;

/** The state that message `m` shows. */
export const BEST_STATUS: string = `(select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = ${BEST})`;

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

/** What a fact is where its attempt `a` of message `m` was found: SQL. */
function found(outcome: string): string {
  return marker({
    outcome: `case when m.id is null then 'unmatched' ${outcome} end`,
    conversation: "m.conversation_id",
    subject: "m.id",
    detail: NEW_DETAIL,
    from: FIND,
  });
}

/** What the carrier reports of an attempt: `accepted` answers and callbacks. */
export const REPORT: readonly string[] = [
  found(`when exists (select 1 from ownline_events e where e.outbound_id = a.outbound_id and e.attempt = a.n
      and ${SAME_EVENT}) then 'repeated'
    else 'recorded'`),
];

/** The carrier's list shows an attempt. `known`: it is another's entry, or nobody asks any more. */
export const FINDING: readonly string[] = [
  found(`when a.status <> 'unknown' then 'known'
    when exists (select 1 from ownline_keys i where i.kind = 'carrier' and i.key = :carrierId) then 'known'
    else 'recorded'`),
];

/** What follows from both. */
export const EVENT: readonly string[] = [
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
    select 'carrier', :carrierId, o.subject, o.detail ->> 'attempt' from ownline_ops o where ${FRESH} and ${REPORTED}
    on conflict (kind, key) do nothing`),
  act(
    "messages",
    "m",
    "carrier_ids = json_insert(m.carrier_ids, '$[#]', :carrierId)",
    `${REPORTED} and ${OWN_MESSAGE}
      and not exists (select 1 from json_each(m.carrier_ids) i where i.value = :carrierId)`,
  ),
  act("attempts", "a", "carrier_id = :carrierId", `${REPORTED} and a.carrier_id is null and ${OWN_ATTEMPT}`),
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

/** The carrier's list does not show an attempt. */
export const ABSENCE: readonly string[] = [
  found("when m.status = 'unknown' then 'recorded' else 'repeated'"),
  act("messages", "m", "settle_at = o.at + :lookInMs", `${NEW} and ${OWN_MESSAGE}`),
  statement(`
    insert into ownline_witnesses (outbound_id, unknown_since, attempts, since)
    select m.id, m.unknown_since, m.attempts, :asOf from ownline_ops o join ownline_messages m on ${OWN_MESSAGE}
    where ${FRESH} and ${NEW} and :asOf is not null
    on conflict (outbound_id) do update
      set unknown_since = excluded.unknown_since, attempts = excluded.attempts, since = excluded.since
      where unknown_since <> excluded.unknown_since or attempts <> excluded.attempts`),
];

/** Whether message `m` may be handed over again after a refusal. */
const MAY_RETRY = ":next = 'retry' and m.origin <> 'auto-reply'";

/** Whether another attempt of `m` decides what becomes of it. */
const OTHER_DECIDES = `${BEST} is not null and (${MAY_RETRY} or ${BEST_STATUS} <> 'unknown')`;

/** The carrier did not take an attempt. */
export const REFUSAL: readonly string[] = [
  found("when a.status in ('sending', 'unknown') then 'recorded' else 'repeated'"),
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
export const SILENCE: readonly string[] = [
  found("when a.status = 'sending' then 'recorded' else 'repeated'"),
  act("attempts", "a", "status = 'unknown', error = :error, worker = null", `${NEW} and ${OWN_ATTEMPT}`),
  act(
    "messages",
    "m",
    "unknown_since = o.at",
    `${NEW} and m.status <> 'sending' and m.unknown_since is null and ${OWN_MESSAGE}`,
  ),
  act(
    "messages",
    "m",
    `unknown_since = o.at, settle_at = o.at + :lookInMs, ${SHOW_BEST}`,
    `${NEW} and m.status = 'sending' and ${OWN_MESSAGE}`,
  ),
];

export const RESOLUTION: readonly string[] = [
  marker({
    outcome: `case
      when m.id is null then 'unmatched'
      when m.status in (select f.value from json_each(:from) f) and coalesce(:attempts, m.attempts) = m.attempts
        then 'recorded'
      else 'repeated'
    end`,
    conversation: "m.conversation_id",
    subject: "m.id",
    detail: "json_object('before', m.status)",
    from: "left join ownline_messages m on m.id = :outboundId and m.status is not null",
  }),
  act(
    "messages",
    "m",
    `not_before = case when :status = 'intent' then o.at else m.not_before end,
      expires_at = case when :status = 'intent' then max(m.expires_at, o.at + :expiryMs) else m.expires_at end,
      status = :status, error = :error`,
    `${NEW} and ${OWN_MESSAGE}`,
  ),
  act(
    "attempts",
    "a",
    "status = 'accepted', error = null",
    `${NEW} and :status = 'accepted' and a.status = 'unknown' and a.outbound_id = o.subject
      and a.n = (select m.attempts from ownline_messages m where ${OWN_MESSAGE})`,
  ),
];
