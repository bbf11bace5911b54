/**
 * What a message is while something can still happen to it by itself. Queries repeat this very text, so that the
 * partial index serves them. An auto-reply left with the webhook's answer and stands outside the order.
 */
export function isOpen(alias: string): string {
  return `(${alias}.status in ('intent', 'sending', 'unknown', 'held') and ${alias}.origin <> 'auto-reply')`;
}

const OPEN = "status in ('intent', 'sending', 'unknown', 'held') and origin <> 'auto-reply'";

/** Ids, keys and addresses, ordered by their bytes: the same in every database, whatever its locale. */
const NAME = 'text collate "C"';

const CARRIER = "'accepted', 'sent', 'delivered', 'undelivered', 'failed'";

/**
 * The tables. Free text (bodies, reasons) is kept as the text of its JSON, which survives every character: neither
 * `text` nor `jsonb` takes a NUL. Times are Unix milliseconds. Everything that belongs to a conversation changes only
 * under the lock of its row.
 */
export const TABLES: readonly string[] = [
  // The conversation's row changes with every text, so its page keeps room for the next version of it.
  `create table ownline_conversations (
    id ${NAME} primary key,
    line ${NAME} not null,
    participant ${NAME} not null,
    sender text not null,
    consent_key ${NAME} not null,
    paused boolean not null default false,
    seq bigint not null default 0,
    inbound_seq bigint not null default 0,
    answered_seq bigint not null default 0,
    pending_seq bigint not null default 0,
    pending_since bigint,
    due_at bigint,
    backoff_until bigint,
    lease_worker ${NAME},
    fence bigint not null default 0,
    created_at bigint not null,
    updated_at bigint not null,
    unique (participant, line),
    check (inbound_seq <= seq and answered_seq <= inbound_seq and pending_seq <= inbound_seq),
    check (not paused or (due_at is null and lease_worker is null))
  ) with (fillfactor = 70)`,
  `create index ownline_conversations_due on ownline_conversations (due_at, id)
    where due_at is not null and lease_worker is null`,
  `create index ownline_conversations_lease on ownline_conversations (lease_worker) where lease_worker is not null`,
  `create index ownline_conversations_consent on ownline_conversations (consent_key)`,
  `create index ownline_conversations_activity on ownline_conversations (updated_at, id)`,

  `create table ownline_messages (
    id ${NAME} primary key,
    conversation_id ${NAME} not null,
    seq bigint not null,
    changed_seq bigint not null,
    origin text not null check (origin in ('webhook', 'simulated', 'ai', 'auto-reply', 'operator', 'api')),
    sender text not null,
    participant text not null,
    content text not null,
    created_at bigint not null,
    carrier_id text,
    occurred_at bigint,
    needs_answer boolean,
    auto_reply_id ${NAME},
    status text check (status in ('intent', 'sending', 'unknown', ${CARRIER}, 'cancelled', 'held')),
    error text,
    group_id ${NAME},
    part integer,
    parts integer,
    turn_id ${NAME},
    attempts integer,
    carrier_ids text[],
    encoding text check (encoding in ('GSM-7', 'UCS-2')),
    segments integer,
    expires_at bigint,
    not_before bigint,
    order_until bigint,
    slot_key text,
    slot_at bigint,
    slot_epoch bigint,
    unknown_since bigint,
    witness_since bigint,
    settle_at bigint,
    due_at bigint,
    check ((origin in ('webhook', 'simulated')) = (status is null)),
    check (status is null = (needs_answer is not null)),
    check (status is null or (group_id is not null and part between 1 and parts and attempts >= 0
      and carrier_ids is not null and encoding is not null and segments is not null and expires_at is not null
      and not_before is not null and order_until is not null and unknown_since is not null
      and settle_at is not null)),
    check (due_at is null or status in ('intent', 'unknown'))
  ) with (fillfactor = 80)`,
  `create unique index ownline_messages_seq on ownline_messages (conversation_id, seq)`,
  `create index ownline_messages_changed on ownline_messages (conversation_id, changed_seq)`,
  `create index ownline_messages_unanswered on ownline_messages (conversation_id, seq) where needs_answer`,
  `create index ownline_messages_open on ownline_messages (conversation_id, seq) where ${OPEN}`,
  `create index ownline_messages_due on ownline_messages (due_at, id) where due_at is not null`,
  `create index ownline_messages_group on ownline_messages (group_id, part) where group_id is not null`,
  `create index ownline_messages_age on ownline_messages (created_at, id)`,
  `create index ownline_messages_leaving on ownline_messages (created_at, id)
    where status in ('intent', 'sending') and origin <> 'auto-reply'`,

  `create table ownline_attempts (
    outbound_id ${NAME} not null,
    n integer not null check (n > 0),
    conversation_id ${NAME} not null,
    status text not null check (status in ('sending', 'unknown', 'refused', ${CARRIER})),
    carrier_id text,
    error text,
    started_at bigint not null,
    worker ${NAME},
    primary key (outbound_id, n),
    check (worker is null or status = 'sending')
  )`,
  `create index ownline_attempts_worker on ownline_attempts (worker) where worker is not null`,
  `create index ownline_attempts_unknown on ownline_attempts (conversation_id) where status = 'unknown'`,

  `create table ownline_events (
    outbound_id ${NAME} not null,
    attempt integer not null,
    position integer not null,
    carrier_id text not null,
    status text not null check (status in (${CARRIER})),
    raw_status text not null,
    error text,
    error_code bigint,
    at bigint not null,
    times integer not null check (times > 0),
    primary key (outbound_id, attempt, position)
  )`,

  // Turns of one conversation follow each other by the fence of their first run.
  `create table ownline_turns (
    id ${NAME} primary key,
    conversation_id ${NAME} not null,
    first_seq bigint not null,
    through_seq bigint not null,
    position bigint not null,
    runs integer not null,
    failures integer not null default 0,
    superseded integer not null default 0,
    crashes integer not null default 0,
    outcome text check (outcome in ('replied', 'fallback', 'silent', 'handed-off', 'cancelled')),
    created_at bigint not null,
    committed_at bigint,
    check (first_seq <= through_seq)
  )`,
  `create unique index ownline_turns_first on ownline_turns (conversation_id, first_seq, position)`,
  `create unique index ownline_turns_open on ownline_turns (conversation_id) where outcome is null`,

  // A row without a ref is a tombstone: what it led to was erased.
  `create table ownline_keys (
    kind text not null check (kind in ('inbound', 'send', 'carrier')),
    key ${NAME} not null,
    ref ${NAME},
    attempt integer,
    primary key (kind, key)
  )`,
  `create index ownline_keys_ref on ownline_keys (ref) where ref is not null`,

  `create table ownline_consents (
    consent_key ${NAME} primary key,
    state text not null check (state in ('opted-in', 'opted-out')),
    source text not null check (source in ('word', 'carrier', 'refused-send')),
    changed_at bigint not null
  )`,

  `create table ownline_counters (
    key ${NAME} primary key,
    count double precision not null,
    ends_at bigint not null
  ) with (fillfactor = 50)`,
  `create index ownline_counters_end on ownline_counters (ends_at)`,

  `create table ownline_paces (
    key ${NAME} primary key,
    free_at bigint not null,
    used_until bigint not null default 0,
    epoch bigint not null default 0
  ) with (fillfactor = 50)`,

  `create table ownline_workers (
    id ${NAME} primary key,
    alive_until bigint not null
  ) with (fillfactor = 50)`,
  `create index ownline_workers_end on ownline_workers (alive_until)`,

  `create table ownline_sweeps (
    sender ${NAME} primary key,
    watermark bigint,
    fence bigint not null,
    claimed_until bigint,
    committed_at bigint
  )`,

  `create table ownline_ops (
    id ${NAME} primary key,
    at bigint not null,
    answer jsonb not null
  )`,
  `create index ownline_ops_age on ownline_ops (at)`,
];
