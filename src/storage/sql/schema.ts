import { CLAIMABLE, QUEUED, STOPPABLE } from "./conditions.ts";

/** One numbered step of the schema. A published step never changes; a later change is a new step. */
export interface Migration {
  readonly version: number;
  /**
   * The oldest version of the code that may write to a database after this step. It does not rise as long as old and
   * new code can serve together, as during a deployment.
   */
  readonly minWriter: number;
  readonly statements: readonly string[];
}

/**
 * The tables that exist before the first step. They hold the numbers of the steps that have run, and the ledger's
 * secret.
 */
export const BOOTSTRAP: readonly string[] = [
  `create table if not exists ownline_migrations (
    version integer primary key,
    at integer not null
  ) strict`,
  `create table if not exists ownline_meta (
    id integer primary key check (id = 1),
    version integer not null,
    min_writer integer not null,
    secret text not null
  ) strict`,
];

/**
 * The schema, as steps. Free text (bodies, reasons) is stored as JSON, which can hold every character; ids and
 * addresses are plain text. Times are Unix milliseconds. The names of all tables begin with `ownline_`, so that they
 * can be in the service's own database. `ledger/rows.ts` documents the columns.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minWriter: 1,
    statements: [
      `create table ownline_conversations (
        id text primary key,
        scope text not null,
        line text not null,
        participant_key text not null,
        participant text not null,
        participant_seen_at integer,
        sender text not null,
        consent_key text not null,
        paused integer not null,
        seq integer not null,
        inbound_seq integer not null,
        answered_seq integer not null,
        unanswered_seq integer not null,
        unanswered_since integer,
        due_at integer,
        backoff_until integer not null,
        lease_worker text,
        set_aside_by text,
        written_at integer not null,
        fence integer not null,
        created_at integer not null,
        updated_at integer not null,
        version integer not null,
        unique (participant_key, line)
      ) strict, without rowid`,
      `create index ownline_conversations_due on ownline_conversations (scope, due_at, id)
        where ${CLAIMABLE}`,
      `create index ownline_conversations_written on ownline_conversations (written_at)
        where ${CLAIMABLE}`,
      `create index ownline_conversations_lease on ownline_conversations (lease_worker) where lease_worker is not null`,
      `create index ownline_conversations_consent on ownline_conversations (consent_key)`,
      `create index ownline_conversations_activity on ownline_conversations (updated_at, id)`,

      `create table ownline_messages (
        id text primary key,
        conversation_id text not null,
        seq integer not null,
        changed_seq integer not null,
        origin text not null,
        sender text not null,
        participant text not null,
        body text not null,
        media text not null,
        created_at integer not null,
        key text,
        provider_message_id text,
        occurred_at integer,
        needs_answer integer,
        auto_reply_id text,
        status text,
        error text,
        group_id text,
        part integer,
        parts integer,
        turn_id text,
        attempts integer,
        provider_message_ids text,
        encoding text,
        segments integer,
        expires_at integer,
        not_before integer,
        order_until integer,
        unknown_since integer,
        settle_at integer,
        evidence_since integer,
        reserved_key text,
        reserved_at integer,
        reserved_epoch integer,
        due_at integer,
        written_at integer not null,
        scope text,
        set_aside_by text
      ) strict`,
      `create unique index ownline_messages_seq on ownline_messages (conversation_id, seq)`,
      `create index ownline_messages_changed on ownline_messages (conversation_id, changed_seq)`,
      `create index ownline_messages_unanswered on ownline_messages (conversation_id, seq) where needs_answer = 1`,
      `create index ownline_messages_queued on ownline_messages (conversation_id, seq) where ${QUEUED}`,
      `create index ownline_messages_stoppable on ownline_messages (conversation_id, seq) where ${STOPPABLE}`,
      `create index ownline_messages_unknown on ownline_messages (conversation_id, seq) where unknown_since is not null`,
      `create index ownline_messages_unsent on ownline_messages (scope, created_at, id) where ${QUEUED}`,
      `create index ownline_messages_due on ownline_messages (scope, due_at, id) where due_at is not null`,
      `create index ownline_messages_written on ownline_messages (written_at) where due_at is not null`,
      `create index ownline_messages_group on ownline_messages (group_id, part) where group_id is not null`,
      `create index ownline_messages_age on ownline_messages (created_at, id)`,

      `create table ownline_attempts (
        outbound_id text not null,
        conversation_id text not null,
        attempt integer not null,
        status text not null,
        provider_message_id text,
        error text,
        started_at integer not null,
        started_after integer,
        worker text,
        primary key (outbound_id, attempt)
      ) strict, without rowid`,
      `create index ownline_attempts_worker on ownline_attempts (worker) where worker is not null`,

      `create table ownline_events (
        outbound_id text not null,
        conversation_id text not null,
        attempt integer not null,
        position integer not null,
        provider_message_id text not null,
        status text not null,
        raw_status text not null,
        error text,
        at integer not null,
        times integer not null,
        primary key (outbound_id, attempt, position)
      ) strict, without rowid`,

      `create table ownline_turns (
        id text primary key,
        conversation_id text not null,
        first_seq integer not null,
        through_seq integer not null,
        repetition integer not null,
        runs integer not null,
        failures integer not null,
        superseded integer not null,
        crashes integer not null,
        error text,
        outcome text,
        created_at integer not null,
        committed_at integer
      ) strict, without rowid`,
      `create unique index ownline_turns_begun on ownline_turns (conversation_id, first_seq, repetition)`,
      `create unique index ownline_turns_open on ownline_turns (conversation_id) where outcome is null`,

      `create table ownline_keys (
        kind text not null,
        key text not null,
        ref text,
        attempt integer,
        content text,
        call text not null,
        primary key (kind, key)
      ) strict, without rowid`,
      `create index ownline_keys_ref on ownline_keys (ref) where ref is not null`,

      `create table ownline_consents (
        key text primary key,
        state text not null,
        source text not null,
        service text,
        provider_blocks integer not null,
        changed_at integer not null,
        version integer not null
      ) strict, without rowid`,

      `create table ownline_counters (
        key text primary key,
        charged real not null,
        ends_at integer not null,
        written_at integer not null
      ) strict, without rowid`,
      `create index ownline_counters_end on ownline_counters (ends_at)`,

      `create table ownline_rate_limits (
        key text primary key,
        free_at integer not null,
        used_until integer not null,
        epoch integer not null,
        written_at integer not null,
        version integer not null
      ) strict, without rowid`,

      `create table ownline_workers (
        id text primary key,
        scope text not null,
        alive_until integer not null,
        written_at integer not null
      ) strict, without rowid`,
      `create index ownline_workers_end on ownline_workers (alive_until)`,

      `create table ownline_sweeps (
        sender text primary key,
        watermark integer,
        fence integer not null,
        claimed_until integer,
        committed_at integer,
        written_at integer not null,
        version integer not null
      ) strict, without rowid`,

      // An answer of one conversation has `conversation_id`. An answer of several has only the list.
      `create table ownline_answers (
        call text primary key,
        at integer not null,
        answer text not null,
        conversation_id text,
        conversation_ids text
      ) strict, without rowid`,
      `create index ownline_answers_age on ownline_answers (at)`,
      `create index ownline_answers_of on ownline_answers (conversation_id) where conversation_id is not null`,
      `create index ownline_answers_of_several on ownline_answers (call) where conversation_ids is not null`,

      // A row with 0 violates the constraint and aborts its batch: see guards.ts.
      `create table ownline_guards (
        holds integer not null constraint ownline_guard_moved check (holds = 1)
      ) strict`,
    ],
  },
];
