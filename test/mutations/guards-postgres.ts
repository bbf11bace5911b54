import { guardsOf, type Mutation } from "./mutation.ts";

/** What PostgreSQL guards by itself, and how each guard is removed. */
export const postgresGuards: readonly Mutation[] = guardsOf("postgres", "src/storage/postgres", [
  [
    "a conversation that changed since it was read is decided about anew",
    ["apply", 'guardText("conversation", locked("conversations", "id"))', '""'],
  ],
  [
    "conversations are locked in the order of their ids",
    ["apply", "} for no key update`", "} desc for no key update`"],
  ],
  [
    "a consent that changed since it was read is asked for anew",
    ["apply", 'guardText("consent", versions("consents", "key", "version"))', '""'],
  ],
  [
    "a text that comes at the time of a STOP does not slip past it",
    ["apply", "coalesce(jsonb_array_length(p -> 'consents'), 0) - 1 loop", "-1 loop"],
  ],
  [
    "a rate limit that moved since it was read is asked anew",
    ["apply", 'guardText("rateLimit", versions("rate_limits", "key", "version"))', '""'],
  ],
  [
    "a worker that is alive again keeps what it holds",
    ["apply", 'guardText("worker", versions("workers", "id", "alive_until"))', '""'],
  ],
  [
    "a key, an address and a stored answer are inserted by one process",
    [
      "apply",
      "if written < jsonb_array_length(added) then\n      raise exception 'Another",
      "if false then\n      raise exception 'Another",
    ],
  ],
  [
    "a counter is charged where there is room, and not beyond",
    ["apply", " or k.charged <= (p -> 'rooms' ->> k.key)::double precision;", " or true;"],
  ],
  [
    "counters are locked in the order of their keys",
    ["apply", "ends_at bigint) order by c.key", "ends_at bigint) order by c.key desc"],
  ],
  [
    "a decision older than 5 s is refused",
    ["../ledger/rules/limits", "OLDEST_DECISION_MS: number = 5_000;", "OLDEST_DECISION_MS: number = 5_000_000_000;"],
  ],
  [
    "a change of a guarded row raises its version",
    ["apply", "if (isVersioned(table)) sets.push(", 'if (table === "sweeps") sets.push('],
  ],
  [
    "what has moved while locks were waited for is not purged",
    ["erasure", "where m.id = any (messages) and ", "where m.id = any (messages) or false and "],
  ],
  [
    "an erased message's key is kept: a late webhook does not store it again",
    ["erasure", "update ownline_keys k set ref = null, attempt = null", "delete from ownline_keys k"],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    ["erasure", "update ownline_keys k set ref = null, content = null", "delete from ownline_keys k"],
  ],
  [
    "stored answers that are old go with a heartbeat",
    ["written", "...(prunes ? { prunes } : {}),", "...(prunes ? {} : {}),"],
  ],
  [
    "a turn comes with no more messages than the worker asked for",
    ["loads", "order by h.seq desc limit (p ->> 'history')::bigint) m", "order by h.seq desc) m"],
  ],
  ["an id that is not unique fails for good", ["database", "if (taken.has(row)) {", "if (row === '') {"]],
  ["a connection that the server ends does not end the process", ["client", 'pool.on?.("error"', 'pool.on?.("remove"']],
]);
