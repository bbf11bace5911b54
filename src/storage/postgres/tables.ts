import { CLAIMABLE, QUEUED, STOPPABLE } from "../sql/conditions.ts";

/** The type of ids, keys and addresses. They are ordered by their bytes, so the order is the same in every locale. */
const NAME = 'text collate "C"';

/**
 * The tables. `ledger/rows.ts` documents the columns. Free text (bodies, reasons) is stored as JSON text, which can
 * hold every character; `text` and `jsonb` cannot hold a NUL. Times are Unix milliseconds. Tables whose rows change
 * often have a lower fillfactor, so that the next version of a row fits on the same page.
 */
export const TABLES: readonly string[] = [
  `create table ownline_conversations (
    id ${NAME} primary key,
    scope ${NAME} not null,
    line ${NAME} not null,
    participant_key ${NAME} not null,
    participant text not null,
    participant_seen_at bigint,
    sender text not null,
    consent_key ${NAME} not null,
    lease_worker ${NAME},
    set_aside_by ${NAME},
    paused boolean not null,
    seq bigint not null,
    inbound_seq bigint not null,
    answered_seq bigint not null,
    unanswered_seq bigint not null,
    unanswered_since bigint,
    due_at bigint,
    backoff_until bigint not null,
    written_at bigint not null,
    fence bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null,
    unique (participant_key, line)
  ) with (fillfactor = 70)`,
  `create index ownline_conversations_due on ownline_conversations (scope, due_at, id)
    where ${CLAIMABLE}`,
  `create index ownline_conversations_written on ownline_conversations (written_at)
    where ${CLAIMABLE}`,
  `create index ownline_conversations_lease on ownline_conversations (lease_worker) where lease_worker is not null`,
  `create index ownline_conversations_consent on ownline_conversations (consent_key)`,
  `create index ownline_conversations_activity on ownline_conversations (updated_at, id)`,

  `create table ownline_messages (
    id ${NAME} primary key,
    conversation_id ${NAME} not null,
    seq bigint not null,
    changed_seq bigint not null,
    origin text not null,
    sender text not null,
    participant text not null,
    body text not null,
    media text not null,
    created_at bigint not null,
    key text,
    provider_message_id text,
    occurred_at bigint,
    needs_answer boolean,
    auto_reply_id ${NAME},
    status text,
    error text,
    group_id ${NAME},
    part integer,
    parts integer,
    turn_id ${NAME},
    attempts integer,
    provider_message_ids text,
    encoding text,
    segments integer,
    expires_at bigint,
    not_before bigint,
    order_until bigint,
    unknown_since bigint,
    settle_at bigint,
    evidence_since bigint,
    reserved_key text,
    reserved_at bigint,
    reserved_epoch bigint,
    scope ${NAME},
    set_aside_by ${NAME},
    due_at bigint,
    written_at bigint not null
  ) with (fillfactor = 80)`,
  `create unique index ownline_messages_seq on ownline_messages (conversation_id, seq)`,
  `create index ownline_messages_changed on ownline_messages (conversation_id, changed_seq)`,
  `create index ownline_messages_unanswered on ownline_messages (conversation_id, seq) where needs_answer`,
  `create index ownline_messages_queued on ownline_messages (conversation_id, seq) where ${QUEUED}`,
  `create index ownline_messages_stoppable on ownline_messages (conversation_id, seq) where ${STOPPABLE}`,
  `create index ownline_messages_unknown on ownline_messages (conversation_id, seq) where unknown_since is not null`,
  `create index ownline_messages_unsent on ownline_messages (scope, created_at, id) where ${QUEUED}`,
  `create index ownline_messages_due on ownline_messages (scope, due_at, id) where due_at is not null`,
  `create index ownline_messages_written on ownline_messages (written_at) where due_at is not null`,
  `create index ownline_messages_group on ownline_messages (group_id, part) where group_id is not null`,
  `create index ownline_messages_age on ownline_messages (created_at, id)`,

  `create table ownline_attempts (
    outbound_id ${NAME} not null,
    conversation_id ${NAME} not null,
    attempt integer not null,
    status text not null,
    provider_message_id text,
    error text,
    started_at bigint not null,
    started_after bigint,
    worker ${NAME},
    primary key (outbound_id, attempt)
  ) with (fillfactor = 80)`,
  `create index ownline_attempts_worker on ownline_attempts (worker) where worker is not null`,

  `create table ownline_events (
    outbound_id ${NAME} not null,
    conversation_id ${NAME} not null,
    attempt integer not null,
    position integer not null,
    provider_message_id text not null,
    status text not null,
    raw_status text not null,
    error text,
    at bigint not null,
    times bigint not null,
    primary key (outbound_id, attempt, position)
  )`,

  `create table ownline_turns (
    id ${NAME} primary key,
    conversation_id ${NAME} not null,
    first_seq bigint not null,
    through_seq bigint not null,
    repetition integer not null,
    runs integer not null,
    failures integer not null,
    superseded integer not null,
    crashes integer not null,
    error text,
    outcome text,
    created_at bigint not null,
    committed_at bigint
  ) with (fillfactor = 80)`,
  `create unique index ownline_turns_begun on ownline_turns (conversation_id, first_seq, repetition)`,
  `create unique index ownline_turns_open on ownline_turns (conversation_id) where outcome is null`,

  `create table ownline_keys (
    kind ${NAME} not null,
    key ${NAME} not null,
    ref ${NAME},
    attempt integer,
    content text,
    call text not null,
    primary key (kind, key)
  )`,
  `create index ownline_keys_ref on ownline_keys (ref) where ref is not null`,

  `create table ownline_consents (
    key ${NAME} primary key,
    state text not null,
    source text not null,
    service text,
    provider_blocks boolean not null,
    changed_at bigint not null,
    version bigint not null
  )`,

  `create table ownline_counters (
    key ${NAME} primary key,
    charged double precision not null,
    ends_at bigint not null,
    written_at bigint not null
  ) with (fillfactor = 50)`,
  `create index ownline_counters_end on ownline_counters (ends_at)`,

  `create table ownline_rate_limits (
    key ${NAME} primary key,
    free_at bigint not null,
    used_until bigint not null,
    epoch bigint not null,
    written_at bigint not null,
    version bigint not null
  ) with (fillfactor = 50)`,

  `create table ownline_workers (
    id ${NAME} primary key,
    scope ${NAME} not null,
    alive_until bigint not null,
    written_at bigint not null
  ) with (fillfactor = 50)`,
  `create index ownline_workers_end on ownline_workers (alive_until)`,

  `create table ownline_sweeps (
    sender ${NAME} primary key,
    watermark bigint,
    fence bigint not null,
    claimed_until bigint,
    committed_at bigint,
    written_at bigint not null,
    version bigint not null
  )`,

  // An answer of one conversation has `conversation_id`. An answer of several has only the list.
  `create table ownline_answers (
    call ${NAME} primary key,
    at bigint not null,
    answer text not null,
    conversation_id ${NAME},
    conversation_ids text[]
  )`,
  `create index ownline_answers_age on ownline_answers (at)`,
  `create index ownline_answers_of on ownline_answers (conversation_id) where conversation_id is not null`,
  `create index ownline_answers_of_several on ownline_answers using gin (conversation_ids)
    where conversation_ids is not null`,

  // The storage's clock: the test's clock, otherwise the database's.
  `create function ownline_1_now(p_now bigint) returns bigint language sql as $body$
    select coalesce(p_now, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
  $body$`,
];
