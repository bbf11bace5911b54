import type { ProceduresOf } from "../procedure.ts";
import { OPEN } from "../schema.ts";
import { NOW, statement } from "./steps.ts";

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

/** The attempts in a state, of messages with the content of `:outboundId` under a condition on `m`. */
const alike = (status: string, condition: string): string => `
  select a.outbound_id, a.n, a.started_at, m.seq
  from ownline_messages s
  join ownline_messages m on m.conversation_id = s.conversation_id and ${condition} and m.content = s.content
  join ownline_attempts a on a.outbound_id = m.id and a.status = '${status}'
  where s.id = :outboundId`;

const IS_SENDING = `${OPEN.replaceAll("status", "m.status")} and m.status = 'sending' and m.origin <> 'auto-reply'`;

/** A message that has an attempt in `unknown` has `unknown_since`, whatever became of it: that has an index. */
const RIVALS = statement(
  `${alike("unknown", "m.unknown_since is not null")} union all ${alike("sending", IS_SENDING)}`,
);

const KNOWN = statement(`
  select k.key from json_each(:carrierIds) j join ownline_keys k on k.kind = 'carrier' and k.key = j.value`);

/**
 * See `Storage.due` and `Storage.rivals`. What a database's clock makes due between two of these statements is found by
 * the second, so what comes later is read first, and what belongs to a message last.
 */
export const due: ProceduresOf<"due"> = {
  "due.work": [DUE_LATER, DUE_MESSAGES, DUE_CONVERSATIONS, DUE_ATTEMPTS],
  "due.rivals": [RIVALS, KNOWN],
};
