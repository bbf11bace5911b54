import { guardsOf, type Mutation } from "./mutation.ts";

/** What keeps a row that cannot be read from holding others up. Memory has no such row, so SQLite shows the judge's. */
export const corruptGuards: readonly Mutation[] = [
  ...guardsOf("sqlite", "src/storage", [
    [
      "a row that cannot be read fails no load",
      ["sql/loaded", "if (!(error instanceof CorruptRow)) throw error;", "throw error;"],
    ],
    [
      "a call about a row that cannot be read fails, and is not decided without it",
      [
        "ledger/deciding",
        "if (!choosesAmong(entry.plan)) refuseCorrupt(entry.plan, loaded, set);",
        "if (!choosesAmong(entry.plan)) void set;",
      ],
    ],
    [
      "a repetition gets its first answer, also where its rows are broken",
      ["ledger/deciding", "if (set.storedAnswer() === undefined) {", "{"],
    ],
    [
      "a call that comes with others is judged alone where it may be about a row that cannot be read",
      ["ledger/deciding", "|| apart.includes(entry)) continue;", ") continue;"],
    ],
    [
      "a call takes those behind candidates that cannot be read",
      [
        "ledger/deciding",
        "unreadCandidates(entry.plan, loaded).length > 0",
        "unreadCandidates(entry.plan, loaded).length < 0",
      ],
    ],
    [
      "an opt-out is filed beside messages that cannot be read",
      ["ledger/concerned", '!plan.slices.includes("stoppable")) return true;', "plan.slices.length >= 0) return true;"],
    ],
    [
      "a conversation that needs a consent which cannot be read is left alone",
      [
        "ledger/concerned",
        "conversationId: row.conversationId ?? conversationId }",
        "conversationId: row.conversationId }",
      ],
    ],
    [
      "a conversation is left alone until its row can be read",
      [
        "ledger/unreadable",
        "if (!still.has(nameOfRow(row))) all.delete(nameOfRow(row));",
        "all.delete(nameOfRow(row)); void still;",
      ],
    ],
    [
      "all calls about a row that cannot be read throw the error that is listed",
      ["ledger/unreadable", "return errorOf(error.row, error);", "return corruptRowError(error.row, error);"],
    ],
    [
      "a row that cannot be read is looked at again after a minute",
      ["ledger/unreadable", "return until <= now ||", "return"],
    ],
    [
      "a row that cannot be read is looked at once a minute",
      ["ledger/unreadable", "SKIPPED_MS = 60_000;", "SKIPPED_MS = 0;"],
    ],
    ["a limit that cannot be read begins anew", ["ledger/unreadable", "          await database.discard(row);\n", ""]],
    [
      "a list of conversations is as long as was asked for",
      ["ledger/lists", "if (cursor === null || list.length >= page.limit)", "if (list.length >= 0)"],
    ],
    [
      "a list of changes is as long as was asked for",
      ["ledger/lists", "if (next === null || list.length >= page.limit)", "if (list.length >= 0)"],
    ],
    [
      "what is due is looked for behind what cannot be read",
      ["ledger/lists", "if (skipped.size === before) return found;", "return found; void before;"],
    ],
    [
      "a person is erased although a stored answer cannot be read",
      ["sql/erasure", "when json_valid(a.conversation_ids) then exists (", "when true then exists ("],
    ],
    [
      "a number beyond JavaScript's fails its own row alone",
      [
        "sql/sqlite-driver",
        "if (!(error instanceof RangeError) || statement.setReadBigInts === undefined) throw error;",
        "throw error;",
      ],
      ["ledger/corrupt", "Math.abs(value) <= Number.MAX_SAFE_INTEGER", "!Number.isNaN(value)"],
    ],
    [
      "a column that holds neither 0 nor 1 is not taken for false",
      ["sql/fields", "  if (number !== 0 && number !== 1) throw foreign(column);\n", ""],
    ],
    [
      "a stored answer of another form is not taken for an answer",
      [
        "ledger/stored-answer",
        "  if (!isStored<Answer>(value)) throw corruptAnswer(call);",
        "  if (!isStored<Answer>(value)) return JSON.parse(stored)?.answer;",
      ],
    ],
    [
      "a person is erased although a version cannot be read",
      ["sql/erasure", 'const version = numberIn(row, "version");', 'const version = integer(row, "version");'],
    ],
    ["a version that cannot be read is left as it is", ["sql/erasure", 'isNumber("version")', '"true"']],
    [
      "a message whose fields are of two directions is not taken for one of them",
      ["sql/rows", "if (odd !== null) throw foreign(columnOf(odd));", "void odd;"],
    ],
    [
      "what a worker holds whose row cannot be read is not due for ever",
      ["sql/due", 'isReadableWorker("w")} and w.id in (', '"true"} and w.id in ('],
    ],
    [
      "what is left alone is not a candidate",
      ["sql/statement", '"and $1 not in (select w.value from json_each(:without) w)"', "\"and $1 > ''\""],
    ],
    [
      "what an expired worker holds and is left alone is not due for ever",
      ["sql/due", "where c.lease_worker > '' @without(c.id)", "where c.lease_worker > ''"],
      ["sql/due", "where a.worker > '' @without(a.conversation_id))`;", "where a.worker > '')`;"],
    ],
  ]),
  ...guardsOf("postgres", "src/storage/postgres", [
    [
      "what is left alone is not a candidate for a claim",
      ["loads", "(p ->> 'worker')\")}\n          and c.id <> all (without)", "(p ->> 'worker')\")}"],
    ],
    ["what is left alone is not marked as unknown", ["loads", " and u.conversation_id <> all (without)", ""]],
    [
      "what is left alone keeps no worker from its work",
      [
        "loads",
        "where c.lease_worker = p ->> 'worker' and c.id <> all (without)",
        "where c.lease_worker = p ->> 'worker'",
      ],
    ],
    [
      "a message behind one that cannot be read is due",
      [
        "due",
        "legible(listIn<unknown>(answer.messages), corrupt, (entry) => dueMessage(entry, now)).flat();",
        "listIn<unknown>(answer.messages).flatMap((entry) => dueMessage(entry, now));",
      ],
    ],
    [
      "a row is looked at again by its key",
      ["reads", "for (const row of answer) collect(found, table, row);", "void [answer, collect];"],
    ],
  ]),
  ...guardsOf("mongodb", "src/storage/mongodb", [
    [
      "what is left alone is not a candidate for a claim",
      [
        "roots",
        '{ claimableAt: { $exists: true }, ...leavingOut("_id", without) };',
        "{ claimableAt: { $exists: true } };",
      ],
    ],
    [
      "a document that cannot be read fails no load",
      [
        "slices",
        "legible(docs, rows.corrupt, (doc) => [idIn(doc), rowOf(table, doc)] as const)",
        "docs.map((doc) => [idIn(doc), rowOf(table, doc)] as const)",
      ],
    ],
    [
      "a person is erased although a version cannot be read",
      ["erasure", "version: { $gte: 0, $lte: Number.MAX_SAFE_INTEGER } };", "};"],
    ],
    [
      "a message of no direction is not taken for one",
      ["documents", "if (odd !== null) throw corruptDocument(table, doc, odd);", "void odd;"],
    ],
  ]),
];
