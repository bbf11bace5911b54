import type { Plan } from "../database.ts";
import { CLOCKS_APART_MS, STORED_FOR_MS } from "../ledger/rows.ts";
import type { SqlStatement } from "./driver.ts";
import { bind, oneLine, prepare } from "./statement.ts";

/** So many rows of each kind go with one heartbeat at most: more than come between two of them. */
const ROWS_A_HEARTBEAT = 5_000;

/** An answer that a clock ahead stored is kept for as long as others, from now on. */
const DATE_ANSWERS = prepare(
  oneLine(`
    update ownline_answers set at = :now where call in (
      select a.call from ownline_answers a where a.at > :now + ${CLOCKS_APART_MS} order by a.at desc limit :limit)`),
);

const PRUNE_ANSWERS = prepare(
  oneLine(`
    delete from ownline_answers where call in (
      select a.call from ownline_answers a where a.at < :now - ${STORED_FOR_MS} order by a.at limit :limit)`),
);

const PRUNE_WORKERS = prepare(
  oneLine(`
    delete from ownline_workers where id in (
      select w.id from ownline_workers w where w.alive_until < :now - ${STORED_FOR_MS}
        and not exists (select 1 from ownline_conversations c where c.lease_worker = w.id)
        and not exists (select 1 from ownline_attempts a where a.worker = w.id)
      order by w.alive_until limit :limit)`),
);

/** What goes with a heartbeat, so that the tables do not grow where the service never calls `purge()`. */
export function pruneWith(plans: readonly Plan[], now: number): SqlStatement[] {
  if (!plans.some(({ root }) => root.by === "workers")) return [];
  return prune(now, ROWS_A_HEARTBEAT);
}

/** What goes with a `purge()`: all that is old. */
export function pruneAll(now: number): SqlStatement[] {
  return prune(now, Number.MAX_SAFE_INTEGER);
}

function prune(now: number, limit: number): SqlStatement[] {
  return [DATE_ANSWERS, PRUNE_ANSWERS, PRUNE_WORKERS].map((statement) => bind(statement, { now, limit }));
}
