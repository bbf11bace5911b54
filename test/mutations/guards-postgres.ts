import { guardsOf, type Mutation } from "./mutation.ts";

/** The guards in PostgreSQL's functions, and how each is removed. */
export const postgresGuards: readonly Mutation[] = guardsOf("postgres", "src/storage/postgres", [
  [
    "a text's key is unique: a repeated webhook is no second text",
    ["inbound", "values ('inbound', arg.key, arg.message_id)", "values ('inbound', arg.message_id, arg.message_id)"],
  ],
  [
    "a turn is committed only by whoever holds the lease and the fence",
    ["turns", "coalesce(conv.lease_worker = arg.worker and conv.fence = arg.fence and turn.id", "coalesce(turn.id"],
  ],
  ["a turn gives way to a newer text at its commit", ["turns", "if arg.supersede and stays then", "if false then"]],
  [
    "one message of a conversation is on its way at a time",
    ["gate", "e.status in ('intent', 'sending') or (e.status = 'unknown'", "(e.status = 'unknown'"],
  ],
  [
    "a later part waits for the earlier ones of its text",
    ["gate", " or (e.status = 'unknown' and e.group_id = msg.group_id)", ""],
  ],
  [
    "a message waits a while for an earlier one whose fate is unknown",
    ["gate", "if until > moment then\n        why := 'order';", "if false then\n        why := 'order';"],
  ],
  [
    "a callback settles a message whose answer was lost",
    ["reports", '{rankOf("att.status")} then', `{rankOf("att.status")} and att.status <> 'unknown' then`],
  ],
  [
    "a status only rises by rank",
    ["reports", '{rankOf("att.status")} then', '{rankOf("att.status")} or arg.status <> att.status then'],
  ],
  [
    "a message shows the best of its attempts",
    ["common", '{ranked("b.status", STATUS_WORTH)} desc, b.n desc', '{ranked("b.status", STATUS_WORTH)} * 0, b.n'],
  ],
  ["an unknown attempt is decided about once", ["common", " and l.n > b.n and", " and l.n < 0 and"]],
  ["the gate before every send asks for consent", ["gate", "if (p -> 'consent')::boolean and", "if false and"]],
  [
    "the gate before every send asks whether a person has taken over",
    ["gate", "if (p -> 'unpaused')::boolean and", "if false and"],
  ],
  [
    "a STOP cancels what waits, in the commit that records it",
    ["conditions", "m.status in ('intent', 'held') order by m.seq", "false order by m.seq"],
  ],
  [
    "a text that comes at the time of a STOP does not slip past it",
    ["common", "pg_advisory_xact_lock_shared(hashtextextended('ownline consent ' || p_key, 0))", "p_key"],
  ],
  [
    "a call repeated under its operation id returns the first result",
    ["common", "return case when answer is not null then ownline_1_tell(answer) end;", "return null;"],
  ],
  [
    "an operation that is repeated while it is under way waits for its end",
    ["common", "perform pg_advisory_xact_lock(hashtextextended('ownline operation ' || p_op, 0));", ""],
  ],
  [
    "a heartbeat buries the dead: their turns and messages are taken over",
    ["workers", "where w.alive_until <= p_now and w.id <> p_worker);", "where false);"],
  ],
  [
    "whoever was heard of while locks were waited for is not buried",
    ["workers", "where w.id = any (dead) and w.alive_until <= p_now order by", "where w.id = any (dead) order by"],
  ],
  [
    "a message that waited beyond its expiry does not leave",
    ["gate", "if msg.expires_at <= p_now then", "if false then"],
  ],
  [
    "a burst is answered when the person is quiet",
    ["inbound", "then moment + greatest(least(arg.debounce_ms, arg.max_wait_ms), 0) end,", "then moment end,"],
  ],
  [
    "a person's takeover takes the lease from a running turn",
    ["pause", "lease_worker = null, fence = c.fence + 1, due_at = null", "due_at = null"],
  ],
  [
    "a text that comes twice among many is stored once",
    ["arrivals", "join made on made.key = t.key group by t.key", "group by t.ordinality"],
  ],
  [
    "a text of a person who has opted out is not answered, among many",
    ["arrivals", "t.needs_answer and not ownline_1_is_opted_out(t.consent_key)", "t.needs_answer"],
  ],
  [
    "texts that come together wait for the end of a backoff",
    ["arrivals", "moment, coalesce(c.backoff_until, 0))", "moment)"],
  ],
  [
    "texts of one conversation that come together keep their order",
    ["arrivals", "order by f.ordinality) as place", "order by f.ordinality desc) as place"],
  ],
  [
    "an erased text's key is kept: a late webhook or sweep does not store it again",
    ["erasure", "update ownline_keys k set ref = null, attempt = null", "delete from ownline_keys k"],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    ["erasure", "update ownline_keys k set ref = null\n", "delete from ownline_keys k\n"],
  ],
  [
    "what has moved while locks were waited for is not purged",
    ["erasure", "IS_DONE_WITH});", "IS_DONE_WITH} or m.id = any (messages));"],
  ],
  [
    "a STOP that was found late does not undo the START after it",
    ["inbound", "and s.changed_at > arg.unless_since", "and false"],
  ],
  [
    "a START renews the time of the consent",
    ["common", "where s.state = 'opted-in' or excluded.state = 'opted-in';", "where s.state <> excluded.state;"],
  ],
  [
    "a refusal of what was sent before the START opts nobody out",
    ["facts", "and s.state = 'opted-in' and s.changed_at > p_refused_at);", "and false);"],
  ],
  ["a sender's list is swept by one process at a time", ["sweeps", " or moment < sweep.claimed_until", ""]],
  [
    "a sweep is committed only by whoever claimed it last",
    ["sweeps", "and s.fence = arg.fence and s.claimed_until is not null", ""],
  ],
  [
    "a message waits for its slot in the sender's pace",
    ["conditions", "if slot.slot_at > p_now then return slot.slot_at; end if;", ""],
  ],
  ["the slots of a sender do not overlap", ["conditions", "pace.free_at + p_cost_ms where", "pace.free_at where"]],
  [
    "two processes never get the same slot",
    ["conditions", "from ownline_paces f where f.key = p_key for update", "from ownline_paces f where f.key = p_key"],
  ],
  [
    "once a carrier asks for less, slots that were given before count no more",
    ["conditions", "epoch = f.epoch + 1", "epoch = f.epoch"],
  ],
  [
    "slots that count no more hold nobody up",
    [
      "conditions",
      "free_at = greatest(f.used_until, excluded.used_until)",
      "free_at = greatest(f.free_at, excluded.used_until)",
    ],
  ],
  ["a full counter holds a message back", ["conditions", "j.charge > j.max) f", "j.charge > j.max + 1e12) f"]],
  ["two processes never charge a counter beyond its limit", ["conditions", " order by k.key for update;", ";"]],
  [
    "counters that are made are locked in the order of their keys",
    ["conditions", 'is null order by j.key collate "C"', "is null order by j.n"],
  ],
  [
    "counters are locked before paces",
    [
      "gate",
      "select f.place, f.cancels, f.free_at into place",
      "perform 1 from ownline_paces f where f.key = arg.pace_key for update;\n        select f.place, f.cancels, f.free_at into place",
    ],
  ],
  [
    "conversations are locked in the order of their ids",
    ["conditions", "order by c.id for update;", "order by c.id desc for update;"],
  ],
  [
    "a message is claimed once, however many ask",
    [
      "gate",
      "perform 1 from ownline_conversations c where c.id = owner for update;",
      "perform 1 from ownline_conversations c where c.id = owner;",
    ],
  ],
  [
    "a conversation is claimed by one process, however many ask",
    ["turns", "order by c.due_at, c.id limit 1 for update skip locked;", "order by c.due_at, c.id limit 1;"],
  ],
  [
    "an operator decides only about what is held or unknown",
    ["repairs", "counts := msg.status = any (arg.statuses) and (", "counts := ("],
  ],
  [
    "a decision counts only for the attempts that it was made about",
    ["repairs", "(arg.attempts is null or arg.attempts = msg.attempts)", "true"],
  ],
  [
    "a turn is answered anew only where no later one has answered since",
    [
      "repairs",
      "if exists (select 1 from ownline_turns t where",
      "if false and exists (select 1 from ownline_turns t where",
    ],
  ],
  [
    "a turn is not answered anew for a person who has opted out since",
    ["repairs", "elsif ownline_1_is_opted_out(conv.consent_key) then", "elsif false then"],
  ],
  [
    "after a restore, what was under way is looked for before it is sent again",
    [
      "repairs",
      "set status = 'unknown', error = null,\n    attempts",
      "set status = 'intent', error = null,\n    attempts",
    ],
  ],
  [
    "a carrier's id witnesses for one attempt only",
    ["reports", "  if not found then return false; end if;\n  return ownline_1_report", "  return ownline_1_report"],
  ],
]);
