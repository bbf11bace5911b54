/** The collections, by their short names; each begins with `ownline_` in the database. */
export const TABLES = [
  "meta",
  "conversations",
  "messages",
  "turns",
  "keys",
  "consents",
  "counters",
  "paces",
  "workers",
  "sweeps",
  "operations",
] as const;

export type Table = (typeof TABLES)[number];

export interface Index {
  readonly key: Readonly<Record<string, 1 | -1>>;
  readonly unique?: true;
  readonly partialFilterExpression?: object;
}

/** Only documents that have the field. */
function where(field: string): Pick<Index, "partialFilterExpression"> {
  return { partialFilterExpression: { [field]: { $exists: true } } };
}

/** What version 1 of the schema indexes. `_id` is indexed by itself. */
export const INDEXES: Readonly<Partial<Record<Table, readonly Index[]>>> = {
  conversations: [
    { key: { participant: 1, line: 1 }, unique: true },
    { key: { consentKey: 1 } },
    { key: { updatedAt: -1, _id: -1 } },
    { key: { claimableAt: 1, _id: 1 }, ...where("claimableAt") },
    { key: { leasedTo: 1, _id: 1 }, ...where("leasedTo") },
  ],
  messages: [
    { key: { conversationId: 1, seq: 1 }, unique: true },
    { key: { conversationId: 1, changedSeq: 1 } },
    { key: { conversationId: 1, seq: 1, needsAnswer: 1 }, partialFilterExpression: { needsAnswer: true } },
    { key: { conversationId: 1, open: 1, seq: 1 }, ...where("open") },
    { key: { conversationId: 1, unsettled: 1 }, ...where("unsettled") },
    { key: { open: 1, createdAt: 1, _id: 1 }, ...where("open") },
    { key: { dueAt: 1, _id: 1 }, ...where("dueAt") },
    { key: { sendingBy: 1 }, ...where("sendingBy") },
    { key: { done: 1, createdAt: 1, _id: 1 }, ...where("done") },
    { key: { groupId: 1, part: 1 }, ...where("groupId") },
    { key: { turnIds: 1, seq: 1 }, ...where("turnIds") },
    { key: { autoReplyId: 1 }, ...where("autoReplyId") },
  ],
  turns: [{ key: { conversationId: 1, number: -1 } }],
  keys: [{ key: { conversationId: 1 }, ...where("conversationId") }],
  counters: [{ key: { endsAt: 1 } }],
  workers: [{ key: { aliveUntil: 1 } }],
  operations: [{ key: { at: 1 } }, { key: { conversationIds: 1 } }],
};

export const SCHEMA_VERSION = 1;
/** The oldest code that may write what this schema version holds. */
export const MIN_WRITER = 1;
