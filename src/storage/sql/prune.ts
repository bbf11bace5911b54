import type { Plan } from "../database.ts";
import { isHeartbeat } from "../ledger/plans.ts";
import { ROWS_A_HEARTBEAT, STORED_FOR_MS } from "../ledger/rules/limits.ts";
import { isLaterThanRight } from "./conditions.ts";
import type { SqlStatement } from "./driver.ts";
import { bind, oneLine, prepare } from "./statement.ts";

/** An answer that a clock ahead stored gets the present time, so that it is deleted after the usual time. */
const DATE_ANSWERS = prepare(
  oneLine(`
    update ownline_answers set at = :now where call in (
      select a.call from ownline_answers a where ${isLaterThanRight("a.at", ":now")} order by a.at desc limit :limit)`),
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

/** The deletions of a heartbeat, if one of the plans is one. */
export function pruneWith(plans: readonly Plan[], now: number): SqlStatement[] {
  if (!plans.some(isHeartbeat)) return [];
  return prune(now, ROWS_A_HEARTBEAT);
}

/** The deletions of a `purge()`: all old rows. */
export function pruneAll(now: number): SqlStatement[] {
  return prune(now, Number.MAX_SAFE_INTEGER);
}

function prune(now: number, limit: number): SqlStatement[] {
  return [DATE_ANSWERS, PRUNE_ANSWERS, PRUNE_WORKERS].map((statement) => bind(statement, { now, limit }));
}
