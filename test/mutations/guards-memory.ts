import { guardsOf, type Mutation } from "./mutation.ts";

/** The guards of the reference, the ledger in memory, and how each is removed. */
export const memoryGuards: readonly Mutation[] = guardsOf("memory", "src/storage/memory", [
  [
    "a text's key is unique: a repeated webhook is no second text",
    [
      "texts",
      "const known = ledger.inboundByKey.get(record.key);",
      "const known = ledger.inboundByKey.get(record.messageId);",
    ],
  ],
  [
    "a turn is committed only by whoever holds the lease and the fence",
    [
      "turns",
      "if (row === undefined || row.leasedTo !== held.workerId || row.fence !== held.fence) return null;",
      "if (row === undefined) return null;",
    ],
  ],
  [
    "a turn gives way to a newer text at its commit",
    ["turns", "if (commit.supersede && row.pending", "if (false && row.pending"],
  ],
  [
    "one message of a conversation is on its way at a time",
    ["gate", "if (waitsForOwnPart(row) || isBehindAnother(row)) {", "if (waitsForOwnPart(row)) {"],
    ["ledger", 'if (open.message.status === "intent" || open.message.status === "sending") isBehind = true;', ""],
  ],
  [
    "a later part waits for the earlier ones of its text",
    ["gate", "if (waitsForOwnPart(row) || isBehindAnother(row)) {", "if (isBehindAnother(row)) {"],
    [
      "ledger",
      "indexMessage(ledger, open, isBehind || waitsForOwnPart(open));",
      "indexMessage(ledger, open, isBehind);",
    ],
  ],
  [
    "a message waits a while for an earlier one whose fate is unknown",
    ["gate", "if (row.orderUntil > now) {", "if (row.orderUntil > now + 1e12) {"],
    ["ledger", "Math.max(row.notBefore, row.orderUntil)", "row.notBefore"],
  ],
  [
    "a callback settles a message whose answer was lost",
    [
      "facts",
      "if (STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {",
      'if (attempt.status !== "unknown" && STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {',
    ],
  ],
  [
    "a status only rises by rank",
    [
      "facts",
      "if (STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {",
      "if (event.status !== attempt.status) {",
    ],
  ],
  [
    "a message shows the best of its attempts",
    [
      "facts",
      "if (best === null || STATUS_WORTH[status] >= STATUS_WORTH[best.status]) best",
      "if (best === null) best",
    ],
  ],
  [
    "an unknown attempt is decided about once",
    [
      "facts",
      'if (status === "refused" || (status === "unknown" && attempt !== last)) continue;',
      'if (status === "refused") continue;',
    ],
  ],
  ["the gate before every send asks for consent", ["gate", "if (conditions.consent && ledger", "if (false && ledger"]],
  [
    "a STOP cancels what waits, in the commit that records it",
    ["texts", "const cancelled = isOptOut ? stopForOptOut", "const cancelled = false ? stopForOptOut"],
  ],
  [
    "a call repeated under its operation id returns the first result",
    ["operations", "if (known !== undefined) return known.result;", ""],
  ],
  [
    "a heartbeat buries the dead: their turns and messages are taken over",
    ["turns", "if (worker.aliveUntil > now) continue;", "if (worker.aliveUntil > 0) continue;"],
  ],
  [
    "a message that waited beyond its expiry does not leave",
    ["gate", "if (now >= row.expiresAt)", "if (now >= row.expiresAt + 1e12)"],
  ],
  [
    "a burst is answered when the person is quiet",
    [
      "texts",
      "row.dueAt = Math.max(settled, now, row.backoffUntil);",
      "row.dueAt = Math.max(now, row.backoffUntil, settled - settled);",
    ],
  ],
  [
    "a person's takeover takes the lease from a running turn",
    ["turns", "  revokeLease(ledger, row);\n  row.dueAt = null;", "  row.dueAt = null;"],
  ],
  [
    "an erased text's key is kept: a late webhook or sweep does not store it again",
    ["erasure", 'ledger.inboundByKey.set(row.key, "erased");', "ledger.inboundByKey.delete(row.key);"],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    ["erasure", 'ledger.groupByKey.set(row.key, "erased");', "ledger.groupByKey.delete(row.key);"],
  ],
  [
    "what waits goes with the person who is erased",
    [
      "erasure",
      "  ledger.messages.delete(id);\n",
      '  if (row.direction === "inbound" || row.message.status !== "intent") ledger.messages.delete(id);\n',
    ],
    ["erasure", "if (row.indexedAt !== null) ledger.dueMessages.delete({ at: row.indexedAt, id });", ""],
  ],
  [
    "a STOP outlives the data of its person",
    ["erasure", "  endLease(ledger, row);\n", "  endLease(ledger, row);\n  ledger.consents.delete(row.consentKey);\n"],
  ],
  [
    "a carrier's id is kept when its message is erased: it witnesses for no other",
    ["erasure", 'ledger.attemptByCarrierId.set(carrierId, "erased");', "ledger.attemptByCarrierId.delete(carrierId);"],
  ],
  [
    "a sweep is committed only by whoever claimed it last",
    [
      "sweeps",
      "if (row === undefined || !row.claimed || row.fence !== commit.fence) return false;",
      "if (row === undefined) return false;",
    ],
  ],
  [
    "a STOP that was found late does not undo the START after it",
    [
      "texts",
      "return isOutlived ? null : { state, source };",
      "return isOutlived ? { state, source } : { state, source };",
    ],
  ],
  [
    "a START renews the time of the consent",
    [
      "ledger",
      'if (before === "opted-out" && consent.state === "opted-out") return false;',
      "if (before === consent.state) return false;",
    ],
  ],
  [
    "a refusal of what was sent before the START opts nobody out",
    ["facts", 'if (filed?.state === "opted-in" && filed.changedAt > startedAt) return;', "if (startedAt < 0) return;"],
  ],
  ["a message waits for its slot in the sender's pace", ["paces", "if (slot.at > now) return slot.at;", ""]],
  ["the slots of a sender do not overlap", ["paces", "pace.freeAt += costMs;", "pace.freeAt += costMs / 2;"]],
  ["once a carrier asks for less, slots that were given before count no more", ["paces", "  pace.epoch += 1;\n", ""]],
  [
    "slots that count no more hold nobody up",
    ["paces", "pace.freeAt = pace.usedUntil;", "pace.freeAt = Math.max(pace.freeAt, pace.usedUntil);"],
  ],
  [
    "an operator decides only about what is held or unknown",
    [
      "facts",
      "effects.isNew = from.some((status) => status === row.message.status) && isAsDecidedAbout;",
      "effects.isNew = from.length > 0 && isAsDecidedAbout;",
    ],
  ],
  [
    "a turn is answered anew only where no later one has answered since",
    ["repair", 'if (row.turns.at(-1) !== turn) return refuse("newer");', ""],
  ],
  [
    "a turn is not answered anew for a person who has opted out since",
    ["repair", 'if (ledger.consents.get(row.consentKey)?.state === "opted-out") return refuse("opted-out");', ""],
  ],
  [
    "after a restore, what was under way is looked for before it is sent again",
    [
      "repair",
      'change(ledger, row, { status: "unknown", attempts: row.attempts.length, error: null });',
      'change(ledger, row, { status: "intent", attempts: row.attempts.length, error: null });',
    ],
  ],
]);
