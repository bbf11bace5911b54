import { guardsOf, type Mutation } from "./mutation.ts";

/** What the databases that speak SQLite's SQL guard by themselves, SQLite and D1, and how each guard is removed. */
export const sqlGuards: readonly Mutation[] = guardsOf("sqlite", "src/storage/sql", [
  [
    "a conversation that changed since it was read is decided about anew",
    ["guards", "c.id = g.value ->> 'key' and c.version = g.value ->> 'version')", "c.id = g.value ->> 'key')"],
  ],
  [
    "two first messages of one person make one conversation",
    ["guards", "when 'address' then exists (", "when 'address' then 0 and exists ("],
  ],
  [
    "a consent that changed since it was read is asked for anew",
    [
      "guards",
      "s.key = g.value ->> 'key') is not (g.value ->> 'version')",
      "s.key = g.value ->> 'key') is not (g.value ->> 'version') and false",
    ],
  ],
  [
    "an opt-out stops what waits in a conversation that was filed meanwhile",
    ["guards", "c.consent_key = g.value ->> 'key') <> g.value ->> 'version'", "c.consent_key = g.value ->> 'key') < 0"],
  ],
  ["a key is recorded once", ["guards", "when 'key' then (", "when 'key' then 0 and ("]],
  [
    "a call is decided once, also where it comes twice at once",
    ["guards", "when 'call' then exists (", "when 'call' then 0 and exists ("],
  ],
  [
    "a worker that is alive again keeps what it holds",
    ["guards", "w.id = g.value ->> 'key') is not (g.value ->> 'version')", "w.id = g.value ->> 'key') is null"],
  ],
  [
    "a rate limit that moved since it was read is asked anew",
    [
      "guards",
      "r.key = g.value ->> 'key') is not (g.value ->> 'version')",
      "r.key = g.value ->> 'key') is not (g.value ->> 'version') and false",
    ],
  ],
  [
    "a counter is charged where there is room, and not beyond",
    ["guards", "> g.value ->> 'max')", "> (g.value ->> 'max') + 1e12)"],
  ],
  [
    "a decision older than 5 s is refused",
    ["../ledger/rules/limits", "OLDEST_DECISION_MS: number = 5_000;", "OLDEST_DECISION_MS: number = 5_000_000_000;"],
  ],
  [
    "a callback waits for the next group where this one records its message",
    ["../ledger/deciding", '    owners.push(added(attempts, nameOf(root.outboundId ?? "", root.attempt ?? 0)));\n', ""],
  ],
  [
    "a change of a guarded row raises its version",
    ["writes", "if (isVersioned(table)) sets.push(", 'if (table === "sweeps") sets.push('],
  ],
  [
    "a transaction that fails leaves nothing behind",
    ["sqlite-driver", "          rollBack(database, error);\n          throw error;", "          throw error;"],
  ],
  [
    "a commit outlives a power cut",
    ["sqlite-connection", 'database.exec("pragma synchronous = full")', 'database.exec("pragma synchronous = off")'],
  ],
  [
    "erased texts leave no copy in the file",
    ["sqlite-connection", '  database.exec("pragma secure_delete = on");\n', ""],
  ],
  [
    "another process's lock does not block the event loop",
    ["sqlite-driver", "if (!isBusy(error) || performance.now() - since >= timeoutMs) throw error;", "throw error;"],
  ],
  [
    "an erased message's key is kept: a late webhook does not store it again",
    ["erasure", "update ownline_keys set ref = null, attempt = null", "delete from ownline_keys"],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    ["erasure", "update ownline_keys as k set ref = null", "delete from ownline_keys as k"],
  ],
  [
    "a turn comes with no more messages than the worker asked for",
    ["load-statements", "limit 1 offset :historyLimit - 1), 0)", "limit 1 offset :historyLimit), 0)"],
  ],
  ["old answers and old workers go with a heartbeat", ["prune", "return prune(now, ROWS_A_HEARTBEAT);", "return [];"]],
]);
