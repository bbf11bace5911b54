import type { DueLook, LedgerDatabase } from "../database.ts";
import { legible, type UnreadRow } from "../ledger/corrupt.ts";
import { isOutbound } from "../ledger/directions.ts";
import { LEFT_TO_OTHERS_MS } from "../ledger/rules/limits.ts";
import { byStart, dueMessageOf, unknownAttemptOf } from "../ledger/shown.ts";
import type { CompetingAttempts, CompetingAttemptsQuery, DueMessage } from "../storage.ts";
import {
  aheadConversations,
  aheadMessages,
  CLAIMABLE,
  expiryOf,
  isAhead,
  isForWorker,
  isReadableWorker,
  QUEUED,
  qualified,
} from "./conditions.ts";
import type { SqlDriver, SqlRow } from "./driver.ts";
import { integer, numberIn, text } from "./fields.ts";
import { attemptRow, conversationRow, messageRow } from "./rows.ts";
import { bind, keepable, leavingOut, NOW, oneLine, prepare, type Statement } from "./statement.ts";

/** Messages that a clock ahead wrote come first, because their due times are void. */
const dueNow = (columns: string): string =>
  `select * from (select ${columns} from ${aheadMessages(NOW)} order by m.written_at limit :limit)
    union all select * from (select ${columns} from ownline_messages m
      where m.due_at is not null and m.scope = :scope @without(m.conversation_id)
        and m.due_at <= ${NOW} and not ${isAhead("m", NOW)} and ${isForWorker("m", NOW, ":workerId")}
      order by m.due_at, m.id limit :limit)`;

const DUE_MESSAGES = dueNow(`m.*, ${NOW} as now`);

const DUE_ATTEMPTS = `
  select a.* from ownline_attempts a where a.outbound_id in (${dueNow("m.id")}) and a.status = 'unknown'`;

const DUE_CONVERSATIONS = `select c.* from ownline_conversations c where c.id in (${dueNow("m.conversation_id")})`;

const CLAIMABLE_NOW = `${qualified(CLAIMABLE, "c")} and c.scope = :scope
  and ${isForWorker("c", "n.at", ":workerId")} @without(c.id)`;

const TIMED = "m.due_at is not null and m.scope = :scope @without(m.conversation_id)";

/**
 * When the first worker that holds something expires. The query starts from the leases and attempts that are held,
 * because they are few.
 */
const NEXT_EXPIRY = `select min(${expiryOf("w", "n.at")})
  from ownline_workers w where w.scope = :scope and ${isReadableWorker("w")} and w.id in (
  select c.lease_worker from ownline_conversations c where c.lease_worker > '' @without(c.id)
  union select a.worker from ownline_attempts a where a.worker > '' @without(a.conversation_id))`;

const DUE_LATER = `
  select n.at,
    exists (select 1 from ownline_conversations c where ${CLAIMABLE_NOW} and c.due_at <= n.at)
      or exists (select 1 from ${aheadConversations("n.at")}) as turns,
    (select min(c.due_at) from ownline_conversations c where ${CLAIMABLE_NOW} and c.due_at > n.at) as next_turn,
    (select min(m.due_at) from ownline_messages m where ${TIMED} and m.due_at > n.at) as next_message,
    (select min(m.due_at) + ${LEFT_TO_OTHERS_MS} from ownline_messages m
      where ${TIMED} and m.due_at > n.at - ${LEFT_TO_OTHERS_MS} and m.due_at <= n.at
        and m.set_aside_by = :workerId) as next_set_aside,
    (${NEXT_EXPIRY}) as next_expiry
  from (select ${NOW} as at) n`;

const prepareAll = (leavesOut: boolean): readonly Statement[] =>
  [DUE_LATER, DUE_MESSAGES, DUE_CONVERSATIONS, DUE_ATTEMPTS].map((sql) => prepare(oneLine(leavingOut(sql, leavesOut))));

const ALL = prepareAll(false);
const SOME = prepareAll(true);

/**
 * See `LedgerDatabase.due`. The database's clock may advance between two statements, and work may become due meanwhile.
 * So the times of later work are read first, then the due messages, and the rows that belong to them last.
 */
export async function due(driver: SqlDriver, query: DueLook): ReturnType<LedgerDatabase["due"]> {
  const { without, ...asked } = query;
  const params = { ...asked, without: JSON.stringify(without), now: driver.now() };
  const statements = without.length === 0 ? ALL : SOME;
  const read = await driver.read(statements.map((statement) => bind(statement, params)));
  const [[later] = [], found = [], owners = [], unknown = []] = read;
  if (later === undefined) throw new TypeError("A select without a table returned no row.");
  const corrupt: UnreadRow[] = [];
  const conversations = new Map(legible(owners, corrupt, conversationRow).map((row) => [row.id, row]));
  const attempts = legible(unknown, corrupt, attemptRow);
  const messages = legible(found.slice(0, query.limit), corrupt, (each): readonly DueMessage[] => {
    const row = messageRow(each);
    const owner = conversations.get(row.conversationId);
    if (owner === undefined || !isOutbound(row)) return [];
    const own = attempts.filter(({ outboundId }) => outboundId === row.id);
    return [dueMessageOf(row, owner, own, integer(each, "now"))];
  });
  return {
    found: { messages: messages.flat(), turns: integer(later, "turns") === 1, nextInMs: soonest(later) },
    corrupt,
    now: integer(later, "at"),
  };
}

function soonest(row: SqlRow): number | null {
  const times = ["next_turn", "next_message", "next_set_aside", "next_expiry"].flatMap((column) => timeIn(row, column));
  return times.length === 0 ? null : Math.max(0, Math.min(...times) - integer(row, "at"));
}

/** A time that is not a number that ownline writes is left out, so that no worker waits for it. */
export function timeIn(row: SqlRow, column: string): readonly number[] {
  const at = numberIn(row, column);
  return at === null ? [] : [at];
}

/** The attempts with a status, of messages that have the content of `:outboundId` and fulfil a condition on `m`. */
const alike = (status: string, condition: string): string => `
  select a.*, m.seq, m.created_at, ${NOW} as now,
    (select c.created_at from ownline_conversations c where c.id = m.conversation_id) as conversation_created_at
  from ownline_messages s
  cross join ownline_messages m on m.conversation_id = s.conversation_id and ${condition}
    and m.body = s.body and m.media = s.media
  cross join ownline_attempts a on a.outbound_id = m.id and a.status = '${status}'
  where s.id = :outboundId and s.status is not null`;

const IS_SENDING = `${qualified(QUEUED, "m")} and m.status = 'sending'`;

/** A message with an attempt in `unknown` always has `unknown_since`, and a partial index lists these messages. */
const COMPETING = prepare(
  oneLine(`${alike("unknown", "m.unknown_since is not null")} union all ${alike("sending", IS_SENDING)}`),
);

const KNOWN = prepare(
  oneLine(`
    select k.key from json_each(:providerMessageIds) j cross join ownline_keys k on k.kind = 'provider' and k.key = j.value`),
);

/** See `Storage.competingAttempts`. */
export async function competingAttempts(
  driver: SqlDriver,
  { outboundId, providerMessageIds }: CompetingAttemptsQuery,
): Promise<CompetingAttempts> {
  const asked = { outboundId, providerMessageIds: JSON.stringify(providerMessageIds.map(keepable)), now: driver.now() };
  const [found = [], rows = []] = await driver.read([bind(COMPETING, asked), bind(KNOWN, asked)]);
  const known = new Set(rows.map((row) => text(row, "key")));
  return {
    attempts: byStart(
      found.map((row) => {
        const made = ["created_at", "conversation_created_at"].map((column) => ({ createdAt: integer(row, column) }));
        return { ...unknownAttemptOf(attemptRow(row), made, integer(row, "now")), seq: integer(row, "seq") };
      }),
    ),
    known: providerMessageIds.filter((providerMessageId) => known.has(providerMessageId)),
  };
}
