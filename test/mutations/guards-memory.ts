import type { Mutation } from "./mutation.ts";

const MEMORY = "src/storage/memory/";

const MUTATIONS: readonly Omit<Mutation, "ledger">[] = [
  {
    guard: "a text's key is unique: a repeated webhook is no second text",
    edits: [
      {
        file: `${MEMORY}texts.ts`,
        search: "const known = ledger.inboundByKey.get(record.key);",
        replace: "const known = ledger.inboundByKey.get(record.messageId);",
      },
    ],
  },
  {
    guard: "a turn is committed only by whoever holds the lease and the fence",
    edits: [
      {
        file: `${MEMORY}turns.ts`,
        search: "if (row === undefined || row.leasedTo !== held.workerId || row.fence !== held.fence) return null;",
        replace: "if (row === undefined) return null;",
      },
    ],
  },
  {
    guard: "a turn gives way to a newer text at its commit",
    edits: [
      { file: `${MEMORY}turns.ts`, search: "if (commit.supersede && row.pending", replace: "if (false && row.pending" },
    ],
  },
  {
    guard: "one message of a conversation is on its way at a time",
    edits: [
      {
        file: `${MEMORY}gate.ts`,
        search: "if (waitsForOwnPart(row) || isBehindAnother(row)) {",
        replace: "if (waitsForOwnPart(row)) {",
      },
      {
        file: `${MEMORY}ledger.ts`,
        search: 'if (open.message.status === "intent" || open.message.status === "sending") isBehind = true;',
        replace: "",
      },
    ],
  },
  {
    guard: "a later part waits for the earlier ones of its text",
    edits: [
      {
        file: `${MEMORY}gate.ts`,
        search: "if (waitsForOwnPart(row) || isBehindAnother(row)) {",
        replace: "if (isBehindAnother(row)) {",
      },
      {
        file: `${MEMORY}ledger.ts`,
        search: "indexMessage(ledger, open, isBehind || waitsForOwnPart(open));",
        replace: "indexMessage(ledger, open, isBehind);",
      },
    ],
  },
  {
    guard: "a message waits a while for an earlier one whose fate is unknown",
    edits: [
      {
        file: `${MEMORY}gate.ts`,
        search: "if (row.orderUntil > now) {",
        replace: "if (row.orderUntil > now + 1e12) {",
      },
      {
        file: `${MEMORY}ledger.ts`,
        search: "Math.max(row.notBefore, row.orderUntil)",
        replace: "row.notBefore",
      },
    ],
  },
  {
    guard: "a callback settles a message whose answer was lost",
    edits: [
      {
        file: `${MEMORY}facts.ts`,
        search: "if (STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {",
        replace: 'if (attempt.status !== "unknown" && STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {',
      },
    ],
  },
  {
    guard: "a status only rises by rank",
    edits: [
      {
        file: `${MEMORY}facts.ts`,
        search: "if (STATUS_RANK[event.status] > STATUS_RANK[attempt.status]) {",
        replace: "if (event.status !== attempt.status) {",
      },
    ],
  },
  {
    guard: "a message shows the best of its attempts",
    edits: [
      {
        file: `${MEMORY}facts.ts`,
        search: "if (best === null || STATUS_WORTH[status] >= STATUS_WORTH[best.status]) best",
        replace: "if (best === null) best",
      },
    ],
  },
  {
    guard: "an unknown attempt is decided about once",
    edits: [
      {
        file: `${MEMORY}facts.ts`,
        search: 'if (status === "refused" || (status === "unknown" && attempt !== last)) continue;',
        replace: 'if (status === "refused") continue;',
      },
    ],
  },
  {
    guard: "the gate before every send asks for consent",
    edits: [{ file: `${MEMORY}gate.ts`, search: "if (conditions.consent && ledger", replace: "if (false && ledger" }],
  },
  {
    guard: "a STOP cancels what waits, in the commit that records it",
    edits: [
      {
        file: `${MEMORY}texts.ts`,
        search: "const cancelled = isOptOut ? stopForOptOut",
        replace: "const cancelled = false ? stopForOptOut",
      },
    ],
  },
  {
    guard: "a call repeated under its operation id returns the first result",
    edits: [{ file: `${MEMORY}operations.ts`, search: "if (known !== undefined) return known.result;", replace: "" }],
  },
  {
    guard: "a heartbeat buries the dead: their turns and messages are taken over",
    edits: [
      {
        file: `${MEMORY}turns.ts`,
        search: "if (worker.aliveUntil > now) continue;",
        replace: "if (worker.aliveUntil > 0) continue;",
      },
    ],
  },
  {
    guard: "a message that waited beyond its expiry does not leave",
    edits: [
      { file: `${MEMORY}gate.ts`, search: "if (now >= row.expiresAt)", replace: "if (now >= row.expiresAt + 1e12)" },
    ],
  },
  {
    guard: "a burst is answered when the person is quiet",
    edits: [
      {
        file: `${MEMORY}texts.ts`,
        search: "row.dueAt = Math.max(settled, now, row.backoffUntil);",
        replace: "row.dueAt = Math.max(now, row.backoffUntil, settled - settled);",
      },
    ],
  },
  {
    guard: "a person's takeover takes the lease from a running turn",
    edits: [
      {
        file: `${MEMORY}turns.ts`,
        search: "  revokeLease(ledger, row);\n  row.dueAt = null;",
        replace: "  row.dueAt = null;",
      },
    ],
  },
  {
    guard: "a process that stood still for longer than its lease does not send",
    edits: [
      {
        file: "src/engine/deliver.ts",
        search: "const tooLate = clock.now() - askedAt >= worker.leaseMs;",
        replace: "const tooLate = askedAt < 0;",
      },
    ],
  },
  {
    guard: "a lease whose run could not reach the ledger at its end is given back",
    edits: [
      {
        file: "src/engine/beat.ts",
        search: "    releaseIdle(answer.leases);\n",
        replace: "",
      },
    ],
  },
  {
    guard: "a webhook is answered 200 only after the commit",
    edits: [
      {
        file: "src/http/handler.ts",
        search: "return refuse(503, error.code",
        replace: "return refuse(200, error.code",
      },
    ],
  },
  {
    guard: "an erased text's key is kept: a late webhook or sweep does not store it again",
    edits: [
      {
        file: `${MEMORY}erasure.ts`,
        search: 'ledger.inboundByKey.set(row.key, "erased");',
        replace: "ledger.inboundByKey.delete(row.key);",
      },
    ],
  },
  {
    guard: "an erased message's key is kept: a repeated send() sends nothing",
    edits: [
      {
        file: `${MEMORY}erasure.ts`,
        search: 'ledger.groupByKey.set(row.key, "erased");',
        replace: "ledger.groupByKey.delete(row.key);",
      },
    ],
  },
  {
    guard: "what waits goes with the person who is erased",
    edits: [
      {
        file: `${MEMORY}erasure.ts`,
        search: "  ledger.messages.delete(id);\n",
        replace: '  if (row.direction === "inbound" || row.message.status !== "intent") ledger.messages.delete(id);\n',
      },
      {
        file: `${MEMORY}erasure.ts`,
        search: "if (row.indexedAt !== null) ledger.dueMessages.delete({ at: row.indexedAt, id });",
        replace: "",
      },
    ],
  },
  {
    guard: "a STOP outlives the data of its person",
    edits: [
      {
        file: `${MEMORY}erasure.ts`,
        search: "  endLease(ledger, row);\n",
        replace: "  endLease(ledger, row);\n  ledger.consents.delete(row.consentKey);\n",
      },
    ],
  },
  {
    guard: "a carrier's id is kept when its message is erased: it witnesses for no other",
    edits: [
      {
        file: `${MEMORY}erasure.ts`,
        search: 'ledger.attemptByCarrierId.set(carrierId, "erased");',
        replace: "ledger.attemptByCarrierId.delete(carrierId);",
      },
    ],
  },
  {
    guard: "a sweep reaches back behind the last one, as far as the list may lag",
    edits: [
      {
        file: "src/engine/sweep.ts",
        search: "watermark === null ? { lastMs: firstLookBackMs } : watermark - overlapMs;",
        replace: "watermark === null ? { lastMs: firstLookBackMs } : watermark + 0 * overlapMs;",
      },
    ],
  },
  {
    guard: "a sweep moves the watermark only after it has stored what it found",
    edits: [
      {
        file: "src/engine/sweep.ts",
        search: "      if (signal.aborted) return { found, missed: 1 };\n",
        replace: "      if (signal.aborted || found > 0) break;\n",
      },
    ],
  },
  {
    guard: "a sweep is committed only by whoever claimed it last",
    edits: [
      {
        file: `${MEMORY}sweeps.ts`,
        search: "if (row === undefined || !row.claimed || row.fence !== commit.fence) return false;",
        replace: "if (row === undefined) return false;",
      },
    ],
  },
  {
    guard: "a text that was found too late is shown, and not answered",
    edits: [
      {
        file: "src/engine/sweep.ts",
        search: "ageMs > answerWithinMs;",
        replace: "ageMs > answerWithinMs + 1e12;",
      },
    ],
  },
  {
    guard: "a START that was found late opts nobody in",
    edits: [
      {
        file: "src/engine/receive.ts",
        search: '(text.swept !== undefined && state === "opted-in")',
        replace: '(text.swept !== undefined && state !== "opted-in" && state !== "opted-out")',
      },
    ],
  },
  {
    guard: "a START is left to its webhook for as long as that may come",
    edits: [{ file: "src/engine/sweep.ts", search: "ageMs < Math.min(", replace: "ageMs < 0 * Math.min(" }],
  },
  {
    guard: "a STOP that was found late does not undo the START after it",
    edits: [
      {
        file: `${MEMORY}texts.ts`,
        search: "return isOutlived ? null : { state, source };",
        replace: "return isOutlived ? { state, source } : { state, source };",
      },
    ],
  },
  {
    guard: "a START renews the time of the consent",
    edits: [
      {
        file: `${MEMORY}ledger.ts`,
        search: 'if (before === "opted-out" && consent.state === "opted-out") return false;',
        replace: "if (before === consent.state) return false;",
      },
    ],
  },
  {
    guard: "a refusal of what was sent before the START opts nobody out",
    edits: [
      {
        file: `${MEMORY}facts.ts`,
        search: 'if (filed?.state === "opted-in" && filed.changedAt > startedAt) return;',
        replace: "if (startedAt < 0) return;",
      },
    ],
  },
  {
    guard: "a message waits for its slot in the sender's pace",
    edits: [{ file: `${MEMORY}paces.ts`, search: "if (slot.at > now) return slot.at;", replace: "" }],
  },
  {
    guard: "the slots of a sender do not overlap",
    edits: [
      { file: `${MEMORY}paces.ts`, search: "pace.freeAt = at + costMs;", replace: "pace.freeAt = at + costMs / 2;" },
    ],
  },
  {
    guard: "once a carrier asks for less, slots that were given before count no more",
    edits: [{ file: `${MEMORY}paces.ts`, search: "  pace.epoch += 1;\n", replace: "" }],
  },
  {
    guard: "an operator decides only about what is held or unknown",
    edits: [
      {
        file: `${MEMORY}facts.ts`,
        search: "effects.isNew = from.some((status) => status === row.message.status) && isAsDecidedAbout;",
        replace: "effects.isNew = from.length > 0 && isAsDecidedAbout;",
      },
    ],
  },
  {
    guard: "a turn is answered anew only where no later one has answered since",
    edits: [
      { file: `${MEMORY}repair.ts`, search: 'if (row.turns.at(-1) !== turn) return refuse("newer");', replace: "" },
    ],
  },
  {
    guard: "a turn is not answered anew for a person who has opted out since",
    edits: [
      {
        file: `${MEMORY}repair.ts`,
        search: 'if (ledger.consents.get(row.consentKey)?.state === "opted-out") return refuse("opted-out");',
        replace: "",
      },
    ],
  },
  {
    guard: "after a restore, what was under way is looked for before it is sent again",
    edits: [
      {
        file: `${MEMORY}repair.ts`,
        search: 'change(ledger, row, { status: "unknown", attempts: row.attempts.length, error: null });',
        replace: 'change(ledger, row, { status: "intent", attempts: row.attempts.length, error: null });',
      },
    ],
  },
];

/** The guards of the engine and of the reference, and how each is removed. */
export const memoryGuards: readonly Mutation[] = MUTATIONS.map((one) => ({ ledger: "memory", ...one }));
