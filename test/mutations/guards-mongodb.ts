import { guardsOf, type Mutation } from "./mutation.ts";

/** What MongoDB guards by itself, and how each guard is removed. What it decides, the judge decides. */
export const mongodbGuards: readonly Mutation[] = guardsOf("mongodb", "src/storage/mongodb", [
  [
    "a decision older than 5 s is refused",
    ["../ledger/rules/limits", "OLDEST_DECISION_MS: number = 5_000;", "OLDEST_DECISION_MS: number = 5_000_000_000;"],
  ],
  [
    "a decision writes nothing where a row that it read has changed",
    [
      "guards",
      'demand(matchedCount + upsertedCount === writes.filter((write) => "updateOne" in write).length, name);',
      "",
    ],
  ],
  [
    "a conversation is guarded by its version",
    [
      "commit",
      "updateOne: { filter: { _id: key, version }, update: change }",
      "updateOne: { filter: { _id: key }, update: change }",
    ],
  ],
  [
    "what is guarded and does not change is written too",
    [
      "commit",
      "const own = guards.filter((guard): guard is GuardOnVersioned => guard.on === ON[table]);",
      "const own = guards.filter((guard): guard is GuardOnVersioned => guard.on === ON[table] && (patches.has(guard.key) || rows.has(guard.key)));",
    ],
  ],
  [
    "of two first texts of a person one begins the conversation",
    ["schema", "{ key: { participantKey: 1, line: 1 }, unique: true }", "{ key: { participantKey: 1, line: 1 } }"],
  ],
  [
    "a STOP sees each conversation that is filed under its consent",
    ["guards", 'demand(filed.length === version, "the conversations of a consent");', "void [filed, version];"],
  ],
  ["a key that was absent is still absent", ["guards", 'demand(found.length === 0, "a key");', "void found;"]],
  [
    "a worker that is alive again is not taken for expired",
    ["guards", "filter: { _id: keepable(key), aliveUntil: version }", "filter: { _id: keepable(key) }"],
  ],
  [
    "two processes never charge a counter beyond its limit",
    ["commit", "charged: { $lte: room } };", "charged: { $lte: Number.MAX_SAFE_INTEGER + 0 * room } };"],
  ],
  [
    "counters are charged in the order of their keys",
    [
      "commit",
      "update: { $inc: { charged: charge } } } };\n  }).toSorted(byDocument);",
      "update: { $inc: { charged: charge } } } };\n  });",
    ],
  ],
  ["rows of one moment are decided about", ["loads", 'demand(moved.size === 0, "a conversation");', "void moved;"]],
  [
    "a turn comes with no more messages than the worker asked for",
    ["slices", "{ sort: { seq: -1 }, limit }", "{ sort: { seq: -1 } }"],
  ],
  [
    "a worker is known to be alive before its lease is",
    ["commit", "  await keepAlive(store, changes, loaded.now);\n", ""],
  ],
  [
    "a worker asks for a message that it has set aside at its due time first",
    [
      "../ledger/rules/leases",
      "return row.dueAt !== null && row.dueAt > now ? row.dueAt : dueForWorkerAt(row, workerId);",
      "void now; return dueForWorkerAt(row, workerId);",
    ],
  ],
  [
    "a worker is forgotten only when it holds nothing",
    [
      "prune",
      "const idle = { aliveUntil, _id: { $nin: await holdersIn(store) } };",
      "const idle = { aliveUntil }; void holdersIn;",
    ],
  ],
  [
    "an erased text's or message's key is kept: it does not come again",
    [
      "erasure",
      'await deletion.updateIn("keys", "ref", [...messages, ...groups], nowhere);',
      'await deletion.deleteIn("keys", "ref", [...messages, ...groups]);',
    ],
  ],
  [
    "a deletion raises the version of each conversation",
    [
      "erasure",
      "updateMany(readable, { $inc: { version: 1 } }, sessionOf(session));",
      "updateMany({ ...readable, version: -1 }, { $inc: { version: 1 } }, sessionOf(session));",
    ],
  ],
  [
    "answers that speak of an erased person go with them",
    ["erasure", '    await deletion.deleteIn("answers", "conversationIds", ids);\n', ""],
  ],
  [
    "a decision that met another one runs again",
    ["transaction", 'again === "conflict" ? MOST_DECISIONS', 'again === "conflict" ? 0'],
  ],
  [
    "a commit whose answer was lost is asked for again",
    [
      "transaction",
      "if (attempt >= COMMIT_TRIES || !isUnknownCommit(error)) throw error;",
      "if (attempt >= 1 || !isUnknownCommit(error)) throw error;",
    ],
  ],
  [
    "what is acknowledged is in the journal of a majority",
    ["store", '{ w: "majority", journal: true,', "{ w: 1, journal: false,"],
  ],
  [
    "what a later version has added to a document stays in it",
    ["documents", 'const unset: Record<string, ""> = {};', 'const unset: Record<string, ""> = { later: "" };'],
  ],
]);
