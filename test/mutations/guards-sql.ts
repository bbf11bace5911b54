import { guardsOf, type Mutation } from "./mutation.ts";

/** The guards in the SQL that SQLite and D1 share, and how each is removed. */
export const sqlGuards: readonly Mutation[] = guardsOf("sqlite", "src/storage/sql/procedures", [
  [
    "a text's key is unique: a repeated webhook is no second text",
    ["inbound", "k.kind = 'inbound' and k.key = :key", "k.kind = 'inbound' and k.key = :messageId"],
    ["inbound", "select 'inbound', :key, o.subject", "select 'inbound', :messageId, o.subject"],
  ],
  [
    "a turn is committed only by whoever holds the lease and the fence",
    ["turns", '"c.lease_worker = :workerId and c.fence = :fence and t.id = :turnId"', '"t.id = :turnId"'],
  ],
  [
    "a turn gives way to a newer text at its commit",
    ["turns", "when :supersede = 1 and c.pending_seq > :throughSeq then", "when false then"],
  ],
  [
    "one message of a conversation is on its way at a time",
    ["order", "(e.status in ('intent', 'sending') or (e.status", "((e.status"],
  ],
  [
    "a later part waits for the earlier ones of its text",
    ["order", " or (e.status = 'unknown' and e.group_id = m.group_id)", ""],
  ],
  [
    "a message waits a while for an earlier one whose fate is unknown",
    ["sends", "and e.unknown_since + :orderWaitMs > now.at) then 'order'", "and false) then 'order'"],
  ],
  [
    "a callback settles a message whose answer was lost",
    ["fact-steps", "OWN_ATTEMPT}), 0))`", "OWN_ATTEMPT} and a.status <> 'unknown'), 0))`"],
  ],
  [
    "a status only rises by rank",
    ["fact-steps", "json_set(o.detail, '$.rises', coalesce(", "json_set(o.detail, '$.rises', 1 or coalesce("],
  ],
  [
    "a message shows the best of its attempts",
    ["fact-steps", '{ranked("b.status", STATUS_WORTH)} desc, b.n desc', '{ranked("b.status", STATUS_WORTH)} * 0, b.n'],
  ],
  [
    "an unknown attempt is decided about once",
    ["fact-steps", "l.outbound_id = b.outbound_id and l.n > b.n and", "l.outbound_id = b.outbound_id and l.n < 0 and"],
  ],
  [
    "the gate before every send asks for consent",
    ["sends", "when :consent = 1 and exists (", "when false and exists ("],
  ],
  [
    "the gate before every send asks whether a person has taken over",
    ["sends", "when :unpaused = 1 and c.paused = 1", "when false"],
  ],
  [
    "a STOP cancels what waits, in the commit that records it",
    ["order", "and m.status in ('intent', 'held') and m.origin", "and false and m.origin"],
  ],
  [
    "a call repeated under its operation id returns the first result",
    ["steps", '"o.id = :op and o.n = 1"', '"o.id = :op"'],
  ],
  [
    "a heartbeat buries the dead: their turns and messages are taken over",
    ["workers", '"w.alive_until <= o.at and w.id <> :workerId"', '"false"'],
  ],
  [
    "a message that waited beyond its expiry does not leave",
    ["sends", "when m.expires_at <= now.at then", "when false then"],
  ],
  [
    "a burst is answered when the person is quiet",
    ["inbound", "max(min(o.at + :debounceMs, coalesce(c.pending_since, o.at) + :maxWaitMs), o.at,", "max(o.at,"],
  ],
  [
    "a person's takeover takes the lease from a running turn",
    ["pause", '"paused = 1, lease_worker = null, fence = c.fence + 1, due_at = null"', '"paused = 1, due_at = null"'],
  ],
  [
    "an erased text's key is kept: a late webhook or sweep does not store it again",
    ["erasure", "update ownline_keys set ref = null, attempt = null", "delete from ownline_keys"],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    ["erasure", "update ownline_keys as k set ref = null", "delete from ownline_keys as k"],
  ],
  [
    "a STOP that was found late does not undo the START after it",
    ["inbound", "and s.changed_at > :unlessSince)", "and false)"],
  ],
  [
    "a START renews the time of the consent",
    ["order", "where state = 'opted-in' or excluded.state = 'opted-in'`);", "where state <> excluded.state`);"],
  ],
  [
    "a refusal of what was sent before the START opts nobody out",
    ["facts", "and s.changed_at > a.started_at)`;", "and false)`;"],
  ],
  [
    "a sender's list is swept by one process at a time",
    ["sweeps", "when s.claimed_until is not null and now.at < s.claimed_until then", "when false then"],
  ],
  [
    "a sweep is committed only by whoever claimed it last",
    ["sweeps", "when s.claimed_until is not null and s.fence = :fence then", "when true then"],
  ],
  [
    "a message waits for its slot in the sender's pace",
    ["sends", "} > now.at then 'pace'", "} > now.at + 1e15 then 'pace'"],
  ],
  ["the slots of a sender do not overlap", ["paces", '"free_at = p.free_at + :costMs"', '"free_at = p.free_at"']],
  [
    "once a carrier asks for less, slots that were given before count no more",
    [
      "paces",
      "used_until = max(used_until, excluded.used_until), epoch = epoch + 1",
      "used_until = max(used_until, excluded.used_until)",
    ],
  ],
  [
    "slots that count no more hold nobody up",
    ["paces", "free_at = max(used_until, excluded.used_until)", "free_at = max(free_at, excluded.used_until)"],
  ],
  ["a full counter holds a message back", ["counters", "> (j.value ->> 'max')", "> (j.value ->> 'max') + 1e12"]],
  [
    "an operator decides only about what is held or unknown",
    ["fact-steps", "when m.status in (select f.value from json_each(:from) f) and", "when"],
  ],
  [
    "a decision counts only for the attempts that it was made about",
    ["fact-steps", "coalesce(:attempts, m.attempts) = m.attempts", "true"],
  ],
  [
    "a turn is answered anew only where no later one has answered since",
    ["repair", "l.first_seq >= t.first_seq and", "false and"],
  ],
  [
    "a turn is not answered anew for a person who has opted out since",
    ["repair", "s.consent_key = c.consent_key and s.state = 'opted-out')\n", "false)\n"],
  ],
  [
    "after a restore, what was under way is looked for before it is sent again",
    ["repair", "status = 'unknown', error = null, unknown_since", "error = null, unknown_since"],
  ],
  [
    "a carrier's id witnesses for one attempt only",
    ["fact-steps", "where i.kind = 'carrier' and i.key = :carrierId)", "where false)"],
  ],
]);
