import type { DueWork, RivalQuery, Rivals, UnknownAttempt, UnknownState } from "../storage.ts";
import type { SqlRow } from "./driver.ts";
import { type Ledger, NOW } from "./operation.ts";
import { conversationOf, integer, integerOrNull, outboundOf, text } from "./rows.ts";
import { statement } from "./statement.ts";

const IS_DUE = `m.due_at is not null and m.due_at <= ${NOW}`;

/** A witness counts for the time in which the message is `unknown` now, not for an earlier one. */
const DUE_MESSAGES = statement(`
  select m.*, c.consent_key, ${NOW} - m.unknown_since as unknown_for, w.since as witness_since
  from ownline_messages m join ownline_conversations c on c.id = m.conversation_id
  left join ownline_witnesses w on w.outbound_id = m.id and w.unknown_since = m.unknown_since
    and w.attempts = m.attempts
  where ${IS_DUE} order by m.due_at, m.id limit :limit`);

const DUE_IDS = (column: string): string =>
  `select m.${column} from ownline_messages m where ${IS_DUE} order by m.due_at, m.id limit :limit`;

const DUE_ATTEMPTS = statement(`
  select a.outbound_id, a.n, a.started_at from ownline_attempts a
  where a.outbound_id in (${DUE_IDS("id")}) and a.status = 'unknown'`);

const DUE_CONVERSATIONS = statement(
  `select c.* from ownline_conversations c where c.id in (${DUE_IDS("conversation_id")})`,
);

const CLAIMABLE = "c.due_at is not null and c.lease_worker is null and c.paused = 0";

const HOLDS = `(exists (select 1 from ownline_conversations c where c.lease_worker = w.id)
  or exists (select 1 from ownline_attempts a where a.worker = w.id))`;

const DUE_LATER = statement(`
  select n.at,
    exists (select 1 from ownline_conversations c where ${CLAIMABLE} and c.due_at <= n.at) as turns,
    (select min(c.due_at) from ownline_conversations c where ${CLAIMABLE} and c.due_at > n.at) as next_turn,
    (select min(m.due_at) from ownline_messages m where m.due_at is not null and m.due_at > n.at) as next_message,
    (select w.alive_until from ownline_workers w where w.alive_until > -1 and ${HOLDS}
      order by w.alive_until limit 1) as next_death
  from (select ${NOW} as at) n`);

/** See `Storage.due`. */
export async function due(ledger: Ledger, limit: number): Promise<DueWork> {
  // What a database's clock makes due between two of these statements is found by the second, so what comes later is
  // read first, and what belongs to a message last.
  const [[later] = [], found = [], owners = [], attempts = []] = await ledger.read(
    [DUE_LATER, DUE_MESSAGES, DUE_CONVERSATIONS, DUE_ATTEMPTS],
    { limit },
  );
  if (later === undefined) throw new TypeError("A select without a table returned no row.");
  const byId = new Map(owners.map((row) => [text(row, "id"), conversationOf(row)]));
  return {
    messages: found.flatMap((row) => {
      const conversation = byId.get(text(row, "conversation_id"));
      if (conversation === undefined) return [];
      const consentKey = text(row, "consent_key");
      return [{ message: outboundOf(row), conversation, consentKey, unknown: unknownStateOf(row, attempts) }];
    }),
    turns: integer(later, "turns") === 1,
    nextInMs: soonest(later),
  };
}

function soonest(row: SqlRow): number | null {
  const times = ["next_turn", "next_message", "next_death"]
    .map((column) => integerOrNull(row, column))
    .filter((at) => at !== null);
  return times.length === 0 ? null : Math.max(0, Math.min(...times) - integer(row, "at"));
}

function unknownStateOf(row: SqlRow, attempts: readonly SqlRow[]): UnknownState | null {
  if (row.status !== "unknown") return null;
  return {
    forMs: integer(row, "unknown_for"),
    witnessSince: integerOrNull(row, "witness_since"),
    attempts: attempts
      .filter((attempt) => attempt.outbound_id === row.id)
      .toSorted((one, other) => integer(one, "n") - integer(other, "n"))
      .map(unknownAttemptOf),
  };
}

function unknownAttemptOf(row: SqlRow): UnknownAttempt {
  return {
    outboundId: text(row, "outbound_id"),
    attempt: integer(row, "n"),
    startedAt: integer(row, "started_at"),
  };
}

/** A message that has an attempt in `unknown` has `unknown_since`, whatever became of it: that has an index. */
const RIVALS = statement(`
  select a.outbound_id, a.n, a.started_at, m.seq
  from ownline_messages s
  join ownline_messages m on m.conversation_id = s.conversation_id and m.unknown_since is not null
    and m.content = s.content
  join ownline_attempts a on a.outbound_id = m.id and a.status = 'unknown'
  where s.id = :outboundId`);

const KNOWN = statement(`
  select k.key from json_each(:carrierIds) j join ownline_keys k on k.kind = 'carrier' and k.key = j.value`);

/** See `Storage.rivals`. */
export async function rivals(ledger: Ledger, { outboundId, carrierIds }: RivalQuery): Promise<Rivals> {
  const [found = [], rows = []] = await ledger.read([RIVALS, KNOWN], {
    outboundId,
    carrierIds: JSON.stringify(carrierIds),
  });
  const known = new Set(rows.map((row) => text(row, "key")));
  return {
    attempts: found.toSorted(byStart).map(unknownAttemptOf),
    known: carrierIds.filter((carrierId) => known.has(carrierId)),
  };
}

function byStart(one: SqlRow, other: SqlRow): number {
  for (const column of ["started_at", "seq", "n"]) {
    const difference = integer(one, column) - integer(other, column);
    if (difference !== 0) return difference;
  }
  return 0;
}
