import { CLOCKS_APART_MS, LEFT_TO_OTHERS_MS } from "../ledger/rows.ts";

/*
 * Conditions that indexes and queries share. They stand apart from the schema, which a Worker on D1 does not carry.
 */

/**
 * What holds up the messages behind it, in the words of its partial index. SQLite uses a partial index only for a query
 * that repeats the index's condition (https://www.sqlite.org/partialindex.html#queries_using_partial_indexes), so
 * queries hold this very text.
 */
export const QUEUED: string = "(status = 'waiting' or status = 'sending') and origin <> 'auto-reply'";

/** What an opt-out stops, as above. */
export const STOPPABLE: string = "(status = 'waiting' or status = 'held') and origin <> 'auto-reply'";

/** Whether a row was written by a clock that was ahead, as `rules/clock.ts` says. `now` is SQL. */
export function isAhead(alias: string, now: string): string {
  return `${alias}.written_at > ${now} + ${CLOCKS_APART_MS}`;
}

/*
 * What was written ahead, and would wait for a time that says nothing. The index is named: the one by due time looks as
 * good to SQLite, and would read all that waits.
 */

/** Among the conversations `r` in which a turn may begin once. `@without`: see `leavingOut`. */
export function aheadConversations(now: string): string {
  return `ownline_conversations r indexed by ownline_conversations_written
    where r.due_at is not null and r.lease_worker is null and ${isAhead("r", now)} and r.scope = :scope @without(r.id)`;
}

/** Among the messages `m` that are due once. */
export function aheadMessages(now: string): string {
  return `ownline_messages m indexed by ownline_messages_written
    where m.due_at is not null and ${isAhead("m", now)} and m.scope = :scope @without(m.conversation_id)`;
}

/**
 * Whether a due row of a table is one for the worker: what it set aside, it leaves to others for a while. `now` and
 * `worker` are SQL.
 */
export function isForWorker(alias: string, now: string, worker: string): string {
  return `(${alias}.set_aside_by is null or ${alias}.set_aside_by <> ${worker} or ${alias}.due_at <= ${now} - ${LEFT_TO_OTHERS_MS})`;
}
