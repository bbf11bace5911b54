/** One guard taken out of the code. */
export interface Mutation {
  /** What the code no longer does. */
  readonly guard: string;
  /** Each text must stand in its file once; where it does not, the code has moved on, and the run says so. */
  readonly edits: readonly { readonly file: string; readonly search: string; readonly replace: string }[];
}

const MEMORY = "src/storage/memory/";

/** Every guard that a promise hangs on, and how it is removed. */
export const mutations: readonly Mutation[] = [
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
];
