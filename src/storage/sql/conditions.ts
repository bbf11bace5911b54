import { LEFT_TO_OTHERS_MS } from "../ledger/rows.ts";

/*
 * Conditions that indexes and queries share. They stand apart from the schema, which a Worker on D1 does not carry.
 */

/**
 * What holds up the messages behind it, in the words of its partial index. SQLite uses a partial index only for a query
 * that repeats the index's condition (https://www.sqlite.org/partialindex.html#queries_using_partial_indexes), so
 * queries hold this very text.
 */
export const QUEUED: string = "(status = 'intent' or status = 'sending') and origin <> 'auto-reply'";

/** What an opt-out stops, as above. */
export const STOPPABLE: string = "(status = 'intent' or status = 'held') and origin <> 'auto-reply'";

/**
 * Whether a due row of a table is one for the worker: what it set aside, it leaves to others for a while. `now` and
 * `worker` are SQL.
 */
export function isForWorker(alias: string, now: string, worker: string): string {
  return `(${alias}.set_aside_by is null or ${alias}.set_aside_by <> ${worker} or ${alias}.due_at <= ${now} - ${LEFT_TO_OTHERS_MS})`;
}
