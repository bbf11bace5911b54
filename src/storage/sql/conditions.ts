import { type DeliveryStatus, FINAL_STATUSES } from "../../model/delivery-status.ts";
import { CLOCKS_APART_MS, LEFT_TO_OTHERS_MS } from "../ledger/rules/limits.ts";
import { QUEUED_STATUSES, STOPPABLE_STATUSES } from "../ledger/rules/order.ts";

/*
 * Conditions that indexes and queries share. They are not in the schema's module, because a Worker on D1 does not
 * include that.
 */

/**
 * Whether later messages wait for a message: the exact condition of its partial index. SQLite uses a partial index only
 * for a query that repeats the index's condition
 * (https://www.sqlite.org/partialindex.html#queries_using_partial_indexes), so queries contain this text unchanged.
 */
export const QUEUED: string = `${isOneOf(QUEUED_STATUSES)} and origin <> 'auto-reply'`;

/** Whether an opt-out cancels a message: the exact condition of its partial index, as for {@link QUEUED}. */
export const STOPPABLE: string = `${isOneOf(STOPPABLE_STATUSES)} and origin <> 'auto-reply'`;

/**
 * Whether a turn may begin at the due time of a conversation (`claimableAt` in `rules/leases.ts`): the exact condition
 * of its partial indexes, as for {@link QUEUED}.
 */
export const CLAIMABLE = "due_at is not null and lease_worker is null";

function isOneOf(statuses: readonly DeliveryStatus[]): string {
  return `(${statuses.map((status) => `status = '${status}'`).join(" or ")})`;
}

/** One of these conditions with the alias of its table, for queries over several tables. */
export function qualified(condition: string, alias: string): string {
  return condition.replaceAll(/\b(status|origin|due_at|lease_worker)\b/g, `${alias}.$1`);
}

/**
 * Whether retention may delete message `m`: the same condition as in `rules/retention.ts`. `needsNone`: that `m` needs
 * no answer.
 */
export function isDone(needsNone: string): string {
  return `case
    when m.status is null then ${needsNone} or m.seq <= (
      select c.answered_seq from ownline_conversations c where c.id = m.conversation_id)
    else m.status in (${FINAL_STATUSES.map((status) => `'${status}'`).join(", ")})
  end`;
}

/** Whether a clock that was ahead wrote a row. `now` is SQL. */
export function isAhead(alias: string, now: string): string {
  return isLaterThanRight(`${alias}.written_at`, now);
}

/** Whether a time is later than a clock that is right can say: the same condition as `isAhead` in `rules/clock.ts`. */
export function isLaterThanRight(time: string, now: string): string {
  return `${time} > ${now} + ${CLOCKS_APART_MS}`;
}

/** Whether the window of a counter is open: the same condition as in `rules/counters.ts`. */
export function isOpenWindow(alias: string, now: string): string {
  return `${alias}.ends_at > ${now} and not ${isAhead(alias, now)}`;
}

/** Whether a worker has expired: the same condition as in `rules/clock.ts`. */
export function isExpired(alias: string, now: string): string {
  return `(${alias}.alive_until <= ${now} or ${isAhead(alias, now)})`;
}

/** When a worker expires: the same as in `rules/clock.ts`. */
export function expiryOf(alias: string, now: string): string {
  return `case when ${isAhead(alias, now)} then ${now} else ${alias}.alive_until end`;
}

/** Whether a column holds a number that ownline writes: the same condition as `isLedgerNumber`. */
export function isNumber(column: string): string {
  return `${column} between ${-Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`;
}

/**
 * Whether the times of worker `alias` can be read. Nothing takes over what a worker holds whose times cannot be read.
 * So a query for the next expiry leaves it out: otherwise its past expiry would wake the workers again and again.
 */
export function isReadableWorker(alias: string): string {
  return `${isNumber(`${alias}.alive_until`)} and ${isNumber(`${alias}.written_at`)}`;
}

/*
 * Rows that a clock ahead wrote, and whose due times are void. The queries name their index. Otherwise SQLite might
 * choose the index by due time, and read all waiting rows.
 */

/** Such conversations `r`: those with a due time and no lease. `@without`: see `leavingOut`. */
export function aheadConversations(now: string): string {
  return `ownline_conversations r indexed by ownline_conversations_written
    where ${qualified(CLAIMABLE, "r")} and ${isAhead("r", now)} and r.scope = :scope @without(r.id)`;
}

/** Such messages `m`: those with a due time. */
export function aheadMessages(now: string): string {
  return `ownline_messages m indexed by ownline_messages_written
    where m.due_at is not null and ${isAhead("m", now)} and m.scope = :scope @without(m.conversation_id)`;
}

/**
 * Whether a due row is due for this worker. A row that the worker has set aside is due for it later than for others.
 * `now` and `worker` are SQL.
 */
export function isForWorker(alias: string, now: string, worker: string): string {
  return `(${alias}.set_aside_by is null or ${alias}.set_aside_by <> ${worker} or ${alias}.due_at <= ${now} - ${LEFT_TO_OTHERS_MS})`;
}
