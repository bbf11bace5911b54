import { integer, integerOrNull, record, text } from "../sql/fields.ts";
import type { DueMessage, DueWork, UnknownAttempt, UnknownState } from "../storage.ts";
import { rowOf, rowsOf } from "./answer.ts";
import { head } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";
import { conversationOf, outboundOf } from "./rows.ts";

export const DUE: readonly string[] = [
  // One statement, so that all of it is of one moment. Few workers are looked through, each by an index: an "exists"
  // might be answered from a list of all leases instead.
  `${head("due")}
declare
  moment bigint := ownline_1_now(p_now);
begin
  return json_build_object(
    'at', moment,
    'messages', (
      select coalesce(json_agg(json_build_object('message', to_json(d), 'conversation', to_json(c), 'attempts', (
          select json_agg(json_build_object('outbound_id', a.outbound_id, 'n', a.n, 'started_at', a.started_at)
            order by a.n)
          from ownline_attempts a where a.outbound_id = d.id and a.status = 'unknown')) order by d.due_at, d.id), '[]')
      from (
        select m.* from ownline_messages m where m.due_at is not null and m.due_at <= moment
        order by m.due_at, m.id limit (p ->> 'limit')::bigint) d
      join ownline_conversations c on c.id = d.conversation_id),
    'turns', exists (
      select 1 from ownline_conversations c
      where c.due_at is not null and c.due_at <= moment and c.lease_worker is null),
    'next_turn', (
      select min(c.due_at) from ownline_conversations c
      where c.due_at is not null and c.due_at > moment and c.lease_worker is null),
    'next_message', (select min(m.due_at) from ownline_messages m where m.due_at is not null and m.due_at > moment),
    'next_worker', (
      select w.alive_until from ownline_workers w
      where (select true from ownline_conversations c where c.lease_worker = w.id limit 1)
        or (select true from ownline_attempts a where a.worker = w.id limit 1)
      order by w.alive_until limit 1));
end
$body$`,
];

/** See `Storage.due`. */
export async function due(ledger: PostgresLedger, limit: number): Promise<DueWork> {
  const told = record(await ledger.call("due", { limit: Math.min(limit, Number.MAX_SAFE_INTEGER) }), "due");
  const at = integer(told, "at");
  const takeOverAt = integerOrNull(told, "next_worker");
  const times = [
    integerOrNull(told, "next_turn"),
    integerOrNull(told, "next_message"),
    takeOverAt === null ? null : Math.max(takeOverAt, at),
  ].filter((time) => time !== null);
  return {
    messages: Array.isArray(told.messages) ? told.messages.map((entry) => dueMessage(entry, at)) : [],
    turns: told.turns === true,
    nextInMs: times.length === 0 ? null : Math.min(...times) - at,
  };
}

function dueMessage(entry: unknown, at: number): DueMessage {
  const { message, conversation, attempts } = record(entry, "due");
  const row = rowOf(message);
  const owner = rowOf(conversation);
  const unknown: UnknownState | null =
    row.status === "unknown"
      ? {
          forMs: at - integer(row, "unknown_since"),
          witnessSince: integerOrNull(row, "witness_since"),
          attempts: unknownAttempts(attempts),
        }
      : null;
  return {
    message: outboundOf(row),
    conversation: conversationOf(owner),
    consentKey: text(owner, "consent_key"),
    unknown,
  };
}

/** Attempts in `unknown`, as they come in a JSON list. */
export function unknownAttempts(list: unknown): readonly UnknownAttempt[] {
  return rowsOf(list).map((row) => ({
    outboundId: text(row, "outbound_id"),
    attempt: integer(row, "n"),
    startedAt: integer(row, "started_at"),
  }));
}
