import type { DueLook, LedgerDatabase } from "../database.ts";
import { legible, type UnreadRow } from "../ledger/corrupt.ts";
import { isOutbound } from "../ledger/directions.ts";
import { LEFT_TO_OTHERS_MS } from "../ledger/rules/limits.ts";
import { byStart, dueMessageOf, unknownAttemptOf } from "../ledger/shown.ts";
import { CLAIMABLE, isAhead, isForWorker, isReadableWorker, QUEUED, qualified } from "../sql/conditions.ts";
import { timeIn } from "../sql/due.ts";
import { integer, record, text } from "../sql/fields.ts";
import { attemptRow, conversationRow, messageRow } from "../sql/rows.ts";
import { keepable } from "../sql/statement.ts";
import type { CompetingAttempts, CompetingAttemptsQuery, DueMessage } from "../storage.ts";
import type { PostgresClient } from "./client.ts";
import { listIn, rowOf, rowsOf } from "./rows.ts";
import { isWorkerAhead, writtenAhead } from "./statements.ts";

/** The conversations to leave out. */
const WITHOUT = "array(select jsonb_array_elements_text($5::jsonb))";

/** Whether worker `w` can be read, and holds a lease or an attempt. */
const HOLDS = `${isReadableWorker("w")} and ((select true from ownline_conversations c where c.lease_worker = w.id and c.id <> all (n.without) limit 1)
  or (select true from ownline_attempts a where a.worker = w.id and a.conversation_id <> all (n.without) limit 1))`;

/** One statement, so that all parts see the same snapshot. It checks few workers, each by an index. */
const DUE = `
  with n as materialized (select ownline_1_now($2::bigint) as at, ${WITHOUT} as without)
  select json_build_object(
    'at', n.at,
    'messages', (
      select coalesce(json_agg(json_build_object('message', to_json(d), 'conversation', (
            select to_json(c) from ownline_conversations c where c.id = d.conversation_id), 'attempts', (
          select json_agg(to_json(a) order by a.attempt)
          from ownline_attempts a where a.outbound_id = d.id and a.status = 'unknown')) order by d.due_at, d.id), '[]')
      from (
        select m.* from (${writtenAhead("messages", "n.at")}) m
          where m.scope = $3 and m.conversation_id <> all (n.without)
        union all (
          select m.* from ownline_messages m where m.due_at is not null and m.scope = $3 and m.due_at <= n.at
            and not ${isAhead("m", "n.at")} and ${isForWorker("m", "n.at", "$4")}
            and m.conversation_id <> all (n.without)
          order by m.due_at, m.id limit $1::bigint) limit $1::bigint) d),
    'turns', (
      select c.id from ownline_conversations c
      where ${qualified(CLAIMABLE, "c")} and c.scope = $3 and c.due_at <= n.at
        and ${isForWorker("c", "n.at", "$4")} and c.id <> all (n.without) limit 1) is not null
      or (select c.id from (${writtenAhead("conversations", "n.at")}) c
        where c.scope = $3 and c.id <> all (n.without) limit 1) is not null,
    'next_turn', (
      select min(c.due_at) from ownline_conversations c
      where ${qualified(CLAIMABLE, "c")} and c.scope = $3 and c.due_at > n.at
        and ${isForWorker("c", "n.at", "$4")} and c.id <> all (n.without)),
    'next_message', (
      select min(m.due_at) from ownline_messages m
      where m.due_at is not null and m.scope = $3 and m.due_at > n.at and m.conversation_id <> all (n.without)),
    'next_set_aside', (
      select min(m.due_at) + ${LEFT_TO_OTHERS_MS} from ownline_messages m
      where m.due_at is not null and m.scope = $3 and m.due_at > n.at - ${LEFT_TO_OTHERS_MS} and m.due_at <= n.at
        and m.set_aside_by = $4 and m.conversation_id <> all (n.without)),
    'next_expiry', (
      select w.alive_until from ownline_workers w where w.scope = $3 and ${HOLDS} order by w.alive_until limit 1),
    'ahead_expiry', (
      select n.at from ownline_workers w where w.scope = $3 and ${isWorkerAhead("w", "n.at")} and ${HOLDS}
      limit 1))::text as answer
  from n`;

/** See `LedgerDatabase.due`. */
export async function due(
  client: PostgresClient,
  { scope, workerId, limit, without }: DueLook,
): ReturnType<LedgerDatabase["due"]> {
  const most = Math.min(limit, Number.MAX_SAFE_INTEGER);
  const asked = [most, client.now(), scope, workerId, JSON.stringify(without)];
  const answer = record(await client.read(DUE, asked), "due");
  const now = integer(answer, "at");
  const times = ["next_turn", "next_message", "next_set_aside", "next_expiry", "ahead_expiry"].flatMap((name) =>
    timeIn(answer, name),
  );
  const corrupt: UnreadRow[] = [];
  const messages = legible(listIn<unknown>(answer.messages), corrupt, (entry) => dueMessage(entry, now)).flat();
  return {
    found: {
      messages,
      turns: answer.turns === true,
      nextInMs: times.length === 0 ? null : Math.max(0, Math.min(...times) - now),
    },
    corrupt,
    now,
  };
}

function dueMessage(entry: unknown, at: number): readonly DueMessage[] {
  const { message, conversation, attempts } = record(entry, "due");
  const row = messageRow(rowOf(message));
  const owner = conversationRow(rowOf(conversation));
  if (!isOutbound(row)) return [];
  return [dueMessageOf(row, owner, rowsOf(attempts).map(attemptRow), at)];
}

/**
 * The attempts with a status, of those messages of the conversation that have the same content and fulfil a condition
 * on `o`.
 */
const alike = (status: string, condition: string): string => `
  select a.*, m.seq, m.created_at from s cross join lateral (
    select o.id, o.seq, o.created_at from ownline_messages o where o.conversation_id = s.conversation_id and ${condition}
      and o.body = s.body and o.media = s.media offset 0) m
  cross join lateral (
    select b.* from ownline_attempts b where b.outbound_id = m.id and b.status = '${status}' offset 0) a`;

/** A message keeps `unknown_since` once one of its attempts was `unknown`, and a partial index lists these messages. */
const COMPETING_ATTEMPTS = `
  with s as (select x.* from ownline_messages x where x.id = $1 and x.status is not null)
  select json_build_object(
    'at', ownline_1_now($3::bigint),
    'conversation_created_at', (
      select c.created_at from ownline_conversations c where c.id = (select s.conversation_id from s)),
    'attempts', (select json_agg(to_json(r)) from (
      ${alike("unknown", "o.unknown_since is not null")}
      union all ${alike("sending", `${qualified(QUEUED, "o")} and o.status = 'sending'`)}) r),
    'known', (select json_agg(to_json(k)) from (
      select o.key from ownline_keys o
      where o.kind = 'provider' and o.key = any (array(select jsonb_array_elements_text($2::jsonb)))) k))::text as answer`;

/** See `Storage.competingAttempts`. */
export async function competingAttempts(
  client: PostgresClient,
  { outboundId, providerMessageIds }: CompetingAttemptsQuery,
): Promise<CompetingAttempts> {
  const asked = [outboundId, JSON.stringify(providerMessageIds.map(keepable)), client.now()];
  const answer = record(await client.read(COMPETING_ATTEMPTS, asked), "competingAttempts");
  const found = rowsOf(answer.attempts).map((row) => {
    const made = [integer(row, "created_at"), integer(answer, "conversation_created_at")];
    const attempt = unknownAttemptOf(
      attemptRow(row),
      made.map((createdAt) => ({ createdAt })),
      integer(answer, "at"),
    );
    return { ...attempt, seq: integer(row, "seq") };
  });
  const known = new Set(rowsOf(answer.known).map((row) => text(row, "key")));
  return {
    attempts: byStart(found),
    known: providerMessageIds.filter((providerMessageId) => known.has(providerMessageId)),
  };
}
