/** The short names of the collections. In the database each name begins with `ownline_`. */
export const COLLECTIONS = [
  "meta",
  "conversations",
  "messages",
  "attempts",
  "events",
  "turns",
  "keys",
  "consents",
  "counters",
  "rateLimits",
  "workers",
  "sweeps",
  "answers",
] as const;

export type CollectionName = (typeof COLLECTIONS)[number];

export interface Index {
  readonly key: Readonly<Record<string, 1 | -1>>;
  readonly unique?: true;
  readonly partialFilterExpression?: object;
}

/** A partial index over the documents that have the field. */
function where(field: string): Pick<Index, "partialFilterExpression"> {
  return { partialFilterExpression: { [field]: { $exists: true } } };
}

/** The indexes of version 1 of the schema. MongoDB itself indexes `_id`. */
export const INDEXES: Readonly<Partial<Record<CollectionName, readonly Index[]>>> = {
  conversations: [
    { key: { participantKey: 1, line: 1 }, unique: true },
    { key: { consentKey: 1 } },
    { key: { updatedAt: -1, _id: -1 } },
    { key: { scope: 1, claimableAt: 1, _id: 1 }, ...where("claimableAt") },
    { key: { scope: 1, writtenAt: -1 }, ...where("claimableAt") },
    { key: { scope: 1, setAsideBy: 1, claimableAt: 1, _id: 1 }, ...where("setAsideBy") },
    { key: { leaseWorker: 1, _id: 1 }, ...where("leaseWorker") },
  ],
  messages: [
    { key: { conversationId: 1, seq: 1 }, unique: true },
    { key: { conversationId: 1, changedSeq: 1 } },
    { key: { conversationId: 1, seq: 1, needsAnswer: 1 }, partialFilterExpression: { needsAnswer: true } },
    { key: { conversationId: 1, open: 1, seq: 1 }, ...where("open") },
    { key: { conversationId: 1, unknownSince: 1 }, ...where("unknownSince") },
    { key: { scope: 1, open: 1, createdAt: 1, _id: 1 }, ...where("open") },
    { key: { scope: 1, dueAt: 1, _id: 1 }, ...where("dueAt") },
    { key: { scope: 1, writtenAt: -1 }, ...where("dueAt") },
    { key: { scope: 1, setAsideBy: 1, dueAt: 1, _id: 1 }, ...where("setAsideBy") },
    { key: { done: 1, createdAt: 1, _id: 1 }, ...where("done") },
    { key: { groupId: 1, part: 1 }, ...where("groupId") },
  ],
  attempts: [{ key: { outboundId: 1, attempt: 1 } }, { key: { worker: 1 }, ...where("worker") }],
  events: [{ key: { outboundId: 1, attempt: 1, position: 1 } }],
  turns: [
    { key: { conversationId: 1, firstSeq: -1, repetition: -1 } },
    { key: { conversationId: 1, open: 1 }, ...where("open") },
  ],
  keys: [{ key: { ref: 1 }, ...where("ref") }],
  counters: [{ key: { endsAt: 1 } }],
  workers: [{ key: { aliveUntil: 1 } }],
  answers: [{ key: { at: 1 } }, { key: { conversationIds: 1 } }],
};

export const SCHEMA_VERSION = 1;
/** The schema version of the oldest code that may write to this schema. */
export const MIN_WRITER = 1;
