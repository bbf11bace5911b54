import { OPEN } from "../schema.ts";
import { act, FRESH, note, statement } from "./steps.ts";

/*
 * What follows from a change of a message: positions, the order within a conversation, what is cancelled with it.
 * The marker says what changed: `changed` and `cancelled` are JSON lists of message ids.
 */

const OPEN_EARLIER = `e.conversation_id = m.conversation_id and ${OPEN.replaceAll("status", "e.status")}
  and e.seq < m.seq and e.origin <> 'auto-reply'`;

/** Whether message `m` stands behind another one of its conversation. */
export const IS_BEHIND: string = `exists (select 1 from ownline_messages e where ${OPEN_EARLIER}
  and (e.status in ('intent', 'sending') or (e.status = 'unknown' and e.group_id = m.group_id)))`;

/** The earlier messages of other groups, as `e`, of which nobody knows whether they left. */
export const UNKNOWN_EARLIER: string = `${OPEN_EARLIER} and e.status = 'unknown' and e.group_id <> m.group_id`;

const CHANGED = `ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where ${FRESH}`;

/** The conversations that an operation touches: its own, and those of the messages that it changed. */
const TOUCHED = `(select o.conversation_id from ownline_ops o where ${FRESH}
  union all select x.conversation_id from ${CHANGED})`;

/**
 * Cancels the messages listed in `cancelled`, and counts them as changed: for the reason in `detail` or else
 * `:cancelReason`, the subject for the error in `detail` where there is one.
 */
const CANCEL: readonly string[] = [
  statement(`
    update ownline_messages as m set status = 'cancelled', due_at = null,
      error = coalesce(case when m.id = o.subject then o.detail ->> 'error' end, o.detail ->> 'cancelReason', :cancelReason)
    from ownline_ops o, json_each(o.cancelled) t where ${FRESH} and m.id = t.value`),
  note(
    `changed = (select json_group_array(l.id) from (
      select t.value as id from json_each(o.changed) t union all select t.value from json_each(o.cancelled) t
      where t.value not in (select k.value from json_each(o.changed) k)) l)`,
    "o.cancelled <> '[]'",
  ),
];

/** The later parts of the subject's group that have not left. */
const LATER_PARTS = `select l.id from ownline_messages s join ownline_messages l
  on l.group_id = s.group_id and l.part > s.part
  where s.id = o.subject and l.status in ('intent', 'held') order by l.part`;

/** Cancels the later parts of the subject's group, under a condition on `o`. */
export function cancelLaterParts(condition: string): readonly string[] {
  return [note(`cancelled = (select json_group_array(p.id) from (${LATER_PARTS}) p)`, condition), ...CANCEL];
}

/** Cancels the subject and the later parts of its group, under a condition on `o`. */
export function cancelSubject(condition: string): readonly string[] {
  return [
    note(
      `cancelled = (select json_group_array(p.id) from (
        select o.subject as id union all select l.id from (${LATER_PARTS}) l) p)`,
      condition,
    ),
    ...CANCEL,
  ];
}

/** Cancels everything that has not left to the person of the operation's conversation, under a condition on `o`. */
export function cancelForConsent(condition: string): readonly string[] {
  return [
    note(
      `cancelled = (select json_group_array(m.id)
        from ownline_conversations own
        join ownline_conversations c on c.consent_key = own.consent_key
        join ownline_messages m on m.conversation_id = c.id
        where own.id = o.conversation_id and ${OPEN.replaceAll("status", "m.status")}
          and m.status in ('intent', 'held') and m.origin <> 'auto-reply')`,
      condition,
    ),
    ...CANCEL,
  ];
}

/** Gives every changed message its conversation's next position, in their order. */
const STAMP: string = statement(`
  update ownline_messages as m set changed_seq = s.position from (
    select x.id, c.seq + row_number() over (partition by x.conversation_id order by t.key) as position
    from ownline_ops o, json_each(o.changed) t
    join ownline_messages x on x.id = t.value
    join ownline_conversations c on c.id = x.conversation_id
    where ${FRESH}) s
  where m.id = s.id`);

const RAISE: string = statement(`
  update ownline_conversations as c
  set seq = max(c.seq, (select max(m.changed_seq) from ownline_messages m where m.conversation_id = c.id))
  where c.id in (select x.conversation_id from ${CHANGED})`);

/** A message that moved ends the waiting of those behind it, as far as they waited for order. */
const END_ORDER_WAIT: string = statement(`
  update ownline_messages as m set order_until = 0
  where m.conversation_id in (select x.conversation_id from ${CHANGED})
    and ${OPEN.replaceAll("status", "m.status")} and m.order_until > 0
    and m.seq > (select min(x.seq) from ${CHANGED} and x.conversation_id = m.conversation_id
      and x.origin <> 'auto-reply')`);

/** Says of every open message when it is due: behind another one, never. */
export const REFRESH_DUE: string = statement(`
  update ownline_messages as m set due_at = case
    when m.origin = 'auto-reply' then null
    when m.status = 'unknown' then m.settle_at
    when m.status = 'intent' and not ${IS_BEHIND} then max(m.not_before, m.order_until)
  end
  where m.conversation_id in ${TOUCHED} and ${OPEN.replaceAll("status", "m.status")}`);

/** What every operation does after it has changed messages. */
export const SETTLE: readonly string[] = [STAMP, RAISE, END_ORDER_WAIT, REFRESH_DUE];

/** Counts the subject as changed, under a condition on `o`. */
export function subjectChanged(condition: string): string {
  return note("changed = json_array(o.subject)", condition);
}

/** An opt-out's hold on the operation's own conversation: nothing runs, nothing is pending. */
export function silence(condition: string): readonly string[] {
  return [
    act(
      "turns",
      "t",
      "outcome = 'cancelled', committed_at = o.at",
      `t.conversation_id = o.conversation_id and t.outcome is null and ${condition}`,
    ),
    act(
      "conversations",
      "c",
      `lease_worker = null, fence = c.fence + 1, answered_seq = c.inbound_seq, pending_since = null, due_at = null,
        backoff_until = null`,
      `c.id = o.conversation_id and ${condition}`,
    ),
  ];
}

/** Writes `:consentState` of the conversation's person; a repeated opt-out leaves the row as it is. */
export function writeConsent(condition: string): string {
  return statement(`
    insert into ownline_consents (consent_key, state, source, changed_at)
    select c.consent_key, :consentState, :consentSource, o.at
    from ownline_ops o join ownline_conversations c on c.id = o.conversation_id
    where ${FRESH} and ${condition}
    on conflict (consent_key) do update
      set state = excluded.state, source = excluded.source, changed_at = excluded.changed_at
      where state = 'opted-in' or excluded.state = 'opted-in'`);
}
