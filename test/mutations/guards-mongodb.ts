import { guardsOf, type Mutation } from "./mutation.ts";

/**
 * The guards of MongoDB's ledger, and how each is removed. What it judges, it judges by the functions of the reference,
 * whose guards stand there; its own are what it locks, what it loads before it judges, and what it writes in one.
 */
export const mongodbGuards: readonly Mutation[] = guardsOf("mongodb", "src/storage/mongodb", [
  [
    "a text's key is unique: a repeated webhook is no second text",
    [
      "texts",
      'const [known] = await set.find("keys", { _id: how.key });',
      'const [known] = await set.find("keys", { _id: "" });',
    ],
  ],
  [
    "of two first texts of a person one begins the conversation",
    [
      "locks",
      "  await set.store.tables.keys.bulkWrite([{ insertOne: { document } }], sessionOf(set.session));\n  set.add",
      "  void document;\n  set.add",
    ],
    ["schema", "{ key: { participant: 1, line: 1 }, unique: true }", "{ key: { participant: 1, line: 1 } }"],
  ],
  [
    "what was done about a call whose commit nobody heard of is its answer",
    ["texts", "if (ours !== null && known?.by === callId) return { answer: ours, commits: false };", ""],
  ],
  [
    "a call repeated under its operation id returns the first result",
    ["operations", "if (first !== undefined) return {", "if (first !== undefined && id === method.name) return {"],
  ],
  [
    "an operation's answer is kept in its own transaction",
    [
      "operations",
      "bulkWrite([{ insertOne: { document } }], sessionOf(set.session));",
      "bulkWrite([{ insertOne: { document } }]);",
    ],
  ],
  [
    "a conversation is locked while it is judged",
    [
      "locks",
      'const doc = await lock(set, "conversations", filter, how);',
      'const [doc = null] = await set.find("conversations", filter, { ...how, limit: 1 });\n  if (doc !== null) set.setNow(set.store.clock?.now() ?? Date.now());',
    ],
  ],
  [
    "a STOP and a gate do not pass each other unseen",
    [
      "texts",
      "await lockConversations(set, { consentKey });",
      'for (const doc of await set.find("conversations", { consentKey })) set.addConversation(doc);',
    ],
  ],
  [
    "a text that comes at the time of a STOP does not slip past it",
    [
      "texts",
      "await lockConsent(set, consentKey);",
      'await set.store.tables.consents.updateOne({ _id: consentKey }, { $inc: { v: 1 } }, { upsert: true });\n    set.setNow(store.clock?.now() ?? Date.now());\n    for (const doc of await set.find("consents", { _id: consentKey })) set.addConsent(doc);',
    ],
  ],
  ["a text of a person who has opted out is not answered", ["locks", "if (doc !== null) set.addConsent(doc);", ""]],
  [
    "the gate before every send asks for consent",
    ["facts", "if (conditions.consent) await loadConsent(set, conversation);", ""],
  ],
  [
    "the gate before every send lets out what a turn said while it handed over",
    ["facts", "loadOutbound(set, outboundId, { withTurn: paused })", "loadOutbound(set, outboundId)"],
  ],
  [
    "a STOP cancels what waits, in the commit that records it",
    ["loads", 'open: { $in: ["queued", "held"] } };', 'open: { $in: ["none"] } };'],
  ],
  [
    "a STOP stops what waits in the person's other conversations too",
    ["texts", "  await lockConversations(set, { consentKey });\n", ""],
  ],
  [
    "a later part waits for the earlier ones of its text",
    ["loads", 'if (number(doc, "parts") > 1) await loadGroup(', 'if (number(doc, "parts") > 1e9) await loadGroup('],
  ],
  [
    "a message waits a while for an earlier one whose fate is unknown",
    ["facts", '{ conversationId: id, open: "unknown" }', '{ conversationId: id, open: "none" }'],
  ],
  [
    "what waits behind a message becomes due when that one has moved on",
    [
      "loads",
      "  set.addMessages(docs);\n  for (const doc of docs) {\n    const earlier",
      "  for (const doc of docs) {\n    const earlier",
    ],
  ],
  [
    "a turn gives way to a newer text at its commit",
    ["turns", "      await loadNewestPending(set, row, throughSeq);\n", "      void throughSeq;\n"],
  ],
  [
    "a turn counts only while it is open",
    ["rows", "turnId: turn?.shown.id ?? place.unloadedTurnId,", "turnId: turn?.shown.id ?? null,"],
  ],
  [
    "a turn is answered anew only where no later one has answered since",
    ["repair", "for (const doc of newest) set.addTurn(doc);", "void newest;"],
  ],
  [
    "a turn is not answered anew for a person who has opted out since",
    ["repair", "      await loadConsent(set, row);\n", ""],
  ],
  [
    "after a restore, what was under way is looked for before it is sent again",
    [
      "repair",
      'for (const row of set.addMessages(await set.find("messages", filter))) {',
      "for (const row of set.addMessages(filter === null ? found : [])) {",
    ],
  ],
  [
    "a heartbeat buries the dead: their turns and messages are taken over",
    ["workers", "if (ids.length > 0) await loadHoldingsOf(set, ids);", ""],
  ],
  [
    "what the dead held is locked before it is taken over",
    [
      "workers",
      "await lockConversations(set, { _id: { $in: [...new Set(ids)].toSorted() } });",
      'for (const doc of await set.find("conversations", { _id: { $in: ids } })) set.addConversation(doc);',
    ],
  ],
  [
    "whoever claims is known to be alive",
    [
      "locks",
      "await reach(() => workers.updateOne({ _id: workerId }, update, { upsert: true }));",
      "void [workers, update, reach];",
    ],
  ],
  [
    "a worker is forgotten only when it holds nothing",
    ["workers", "&& aliveUntil <= longAgo && leases.size + sending.size === 0", "&& aliveUntil <= longAgo"],
  ],
  [
    "a worker is forgotten only when whatever it wrote is known",
    ["workers", "const longAgo = set.now - FORGOTTEN_AFTER_MS;", "const longAgo = set.now;"],
  ],
  [
    "a sender's list is swept by one process at a time",
    [
      "repair",
      'for (const doc of await lockAll(set, "sweeps", [keepable(sender)])) {',
      'for (const doc of await set.find("sweeps", { _id: keepable(sender) })) {',
    ],
  ],
  [
    "two processes never get the same slot",
    [
      "locks",
      'for (const doc of await lockAll(set, "paces", [key])) {',
      'for (const doc of await set.find("paces", { _id: key })) {',
    ],
  ],
  [
    "two processes never charge a counter beyond its limit",
    [
      "locks",
      'for (const doc of await lockAll(set, "counters", keys)) {',
      'for (const doc of await set.find("counters", { _id: { $in: keys } })) {',
    ],
  ],
  [
    "counters are locked in the order of their keys",
    ["locks", "for (const id of ids.toSorted()) {", "for (const id of ids) {"],
  ],
  [
    "a carrier's id witnesses for one attempt only",
    [
      "loads",
      'set.ledger.attemptByCarrierId.set(id, attempt ?? "erased");',
      "if (attempt !== undefined) set.ledger.attemptByCarrierId.set(id, attempt);",
    ],
  ],
  [
    "an erased text's or message's key is kept: it does not come again",
    [
      "erasure",
      "await tables.keys.updateMany(theirs, TOMBSTONE, inSession);",
      "await tables.keys.deleteMany(theirs, inSession);",
    ],
  ],
  [
    "a purged text's or message's key is kept: it does not come again",
    [
      "erasure",
      "await tables.keys.updateMany({ _id: { $in: keys } }, TOMBSTONE, inSession);",
      "await tables.keys.deleteMany({ _id: { $in: keys } }, inSession);",
    ],
  ],
  [
    "a purged message's carrier's id is kept: it witnesses for no other",
    [
      "erasure",
      "await tables.keys.updateMany({ _id: { $in: carrierIds }, outboundId: { $in: ids } }, TOMBSTONE, inSession);",
      "await tables.keys.deleteMany({ _id: { $in: carrierIds }, outboundId: { $in: ids } }, inSession);",
    ],
  ],
  [
    "what waits goes with the person who is erased",
    [
      "erasure",
      "await tables.messages.deleteMany(theirs, inSession);",
      'await tables.messages.deleteMany({ ...theirs, open: { $ne: "queued" } }, inSession);',
    ],
  ],
  [
    "answers that speak of an erased person go with them",
    ["erasure", "  await tables.operations.deleteMany({ conversationIds: { $in: ids } }, inSession);\n", ""],
  ],
  ["an erased person begins anew", ["erasure", "  await forgetAddresses(set, ids);\n", ""]],
  [
    "a text that waits for its answer is not purged",
    ["erasure", "page.filter((doc) => !isPending(set, doc))", "page.filter((doc) => !isPending(set, doc) || true)"],
  ],
  [
    "a transaction that met another one runs again",
    ["transaction", 'again === "conflict" ? CONFLICT_TRIES', 'again === "conflict" ? 0'],
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
    [
      "writes",
      "return { updateOne: { filter: { _id }, update } };",
      'return { updateOne: { filter: { _id }, update: { ...update, $unset: { ...gone, later: "" } } } };',
    ],
  ],
  [
    "transactions wait for their turn where too many are under way",
    ["transaction", "return line === null ? run() : store.admit(line, run);", "return line === null ? run() : run();"],
  ],
]);
