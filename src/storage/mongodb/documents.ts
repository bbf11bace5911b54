import { type DeliveryStatus, isFinal } from "../../model/delivery-status.ts";
import { ForeignValue } from "../ledger/corrupt.ts";
import { oddFieldOf } from "../ledger/directions.ts";
import { type KeyKind, PRIMARY_KEYS, type Table, type Tables } from "../ledger/rows.ts";
import { claimableAt } from "../ledger/rules/leases.ts";
import { isQueued } from "../ledger/rules/order.ts";
import {
  ATTEMPT_STATUSES,
  CONSENT_SOURCES,
  CONSENT_STATES,
  DELIVERY_STATUSES,
  ENCODINGS,
  KEY_KINDS,
  ORIGINS,
  PROVIDER_STATUSES,
  TURN_OUTCOMES,
} from "../ledger/words.ts";
import type { MongoDocument } from "./client.ts";
import { corruptDocument } from "./corrupt.ts";
import { BOOLEAN, ERROR, type Field, FREE_TEXT, MEDIA, NUMBER, orNull, TEXT, TEXTS, word } from "./fields.ts";

/*
 * Converts rows to documents and back. A new field of a row needs one line in `FIELDS`.
 */

type FieldsOf<Row> = { readonly [F in keyof Row]: Field<Row[F]> };

/** How each field of a row is stored in its document. */
const FIELDS: { readonly [T in Table]: FieldsOf<Tables[T]> } = {
  conversations: {
    id: TEXT,
    scope: TEXT,
    line: TEXT,
    participantKey: TEXT,
    participant: TEXT,
    participantSeenAt: orNull(NUMBER),
    sender: TEXT,
    consentKey: TEXT,
    paused: BOOLEAN,
    seq: NUMBER,
    inboundSeq: NUMBER,
    answeredSeq: NUMBER,
    unansweredSeq: NUMBER,
    unansweredSince: orNull(NUMBER),
    dueAt: orNull(NUMBER),
    backoffUntil: NUMBER,
    leaseWorker: orNull(TEXT),
    setAsideBy: orNull(TEXT),
    writtenAt: NUMBER,
    fence: NUMBER,
    createdAt: NUMBER,
    updatedAt: NUMBER,
    version: NUMBER,
  },
  messages: {
    id: TEXT,
    conversationId: TEXT,
    seq: NUMBER,
    changedSeq: NUMBER,
    origin: word(ORIGINS),
    sender: TEXT,
    participant: TEXT,
    body: FREE_TEXT,
    media: MEDIA,
    createdAt: NUMBER,
    key: orNull(TEXT),
    providerMessageId: orNull(TEXT),
    occurredAt: orNull(NUMBER),
    needsAnswer: orNull(BOOLEAN),
    autoReplyId: orNull(TEXT),
    status: orNull(word(DELIVERY_STATUSES)),
    error: orNull(ERROR),
    groupId: orNull(TEXT),
    part: orNull(NUMBER),
    parts: orNull(NUMBER),
    turnId: orNull(TEXT),
    attempts: orNull(NUMBER),
    providerMessageIds: orNull(TEXTS),
    encoding: orNull(word(ENCODINGS)),
    segments: orNull(NUMBER),
    expiresAt: orNull(NUMBER),
    notBefore: orNull(NUMBER),
    orderUntil: orNull(NUMBER),
    unknownSince: orNull(NUMBER),
    settleAt: orNull(NUMBER),
    evidenceSince: orNull(NUMBER),
    reservedKey: orNull(TEXT),
    reservedAt: orNull(NUMBER),
    reservedEpoch: orNull(NUMBER),
    dueAt: orNull(NUMBER),
    writtenAt: NUMBER,
    scope: orNull(TEXT),
    setAsideBy: orNull(TEXT),
  },
  attempts: {
    outboundId: TEXT,
    conversationId: TEXT,
    attempt: NUMBER,
    status: word(ATTEMPT_STATUSES),
    providerMessageId: orNull(TEXT),
    error: orNull(ERROR),
    startedAt: NUMBER,
    startedAfter: orNull(NUMBER),
    worker: orNull(TEXT),
  },
  events: {
    outboundId: TEXT,
    conversationId: TEXT,
    attempt: NUMBER,
    position: NUMBER,
    providerMessageId: TEXT,
    status: word(PROVIDER_STATUSES),
    rawStatus: FREE_TEXT,
    error: orNull(ERROR),
    at: NUMBER,
    times: NUMBER,
  },
  turns: {
    id: TEXT,
    conversationId: TEXT,
    firstSeq: NUMBER,
    throughSeq: NUMBER,
    repetition: NUMBER,
    runs: NUMBER,
    failures: NUMBER,
    superseded: NUMBER,
    crashes: NUMBER,
    outcome: orNull(word(TURN_OUTCOMES)),
    error: orNull(ERROR),
    createdAt: NUMBER,
    committedAt: orNull(NUMBER),
  },
  keys: {
    kind: word(KEY_KINDS),
    key: TEXT,
    ref: orNull(TEXT),
    attempt: orNull(NUMBER),
    content: orNull(TEXT),
    call: TEXT,
  },
  consents: {
    key: TEXT,
    state: word(CONSENT_STATES),
    source: word(CONSENT_SOURCES),
    service: orNull(TEXT),
    providerBlocks: BOOLEAN,
    changedAt: NUMBER,
    version: NUMBER,
  },
  counters: { key: TEXT, charged: NUMBER, endsAt: NUMBER, writtenAt: NUMBER },
  rateLimits: { key: TEXT, freeAt: NUMBER, usedUntil: NUMBER, epoch: NUMBER, writtenAt: NUMBER, version: NUMBER },
  workers: { id: TEXT, scope: TEXT, aliveUntil: NUMBER, writtenAt: NUMBER },
  sweeps: {
    sender: TEXT,
    watermark: orNull(NUMBER),
    fence: NUMBER,
    claimedUntil: orNull(NUMBER),
    committedAt: orNull(NUMBER),
    writtenAt: NUMBER,
    version: NUMBER,
  },
};

type Derived = Readonly<Record<string, string | number | true | null>>;

/**
 * Fields that are computed from several fields, for partial indexes. The condition of a partial index cannot contain
 * `or` or `is null`.
 */
const DERIVED: { readonly [T in Table]?: (row: Tables[T]) => Derived } = {
  /** When a turn may begin; `null` while a turn runs. */
  conversations: (row) => ({ claimableAt: claimableAt(row) }),
  /**
   * `open`: the message makes later messages wait, or can be cancelled; never set for auto-replies. `done`: retention
   * may delete the message, an inbound one only when it is answered.
   */
  messages: ({ status, origin }) => ({
    open: status === null || origin === "auto-reply" ? null : openAs(status),
    done: status === null || isFinal(status) ? true : null,
  }),
  turns: ({ outcome }) => ({ open: outcome === null ? true : null }),
};

function openAs(status: DeliveryStatus): string | null {
  if (isQueued(status)) return "queued";
  return status === "unknown" || status === "held" ? status : null;
}

/**
 * The `_id` of a row's document: the fields of its primary key, with spaces between them. To stay unique, only the
 * first field may contain a space, or the last one of two.
 */
export function idOf<T extends Table>(table: T, row: Partial<Tables[T]>): string {
  return PRIMARY_KEYS[table].map((name) => String(row[name])).join(" ");
}

/** The id of a key's document. */
export function keyId(kind: KeyKind, key: string): string {
  return idOf("keys", { kind, key: TEXT.read({ key: TEXT.write(key) }, "key") });
}

/**
 * The row that a document holds.
 *
 * @throws CorruptRow
 */
export function rowOf<T extends Table>(table: T, doc: MongoDocument): Tables[T] {
  const row = read<Tables[T]>(FIELDS[table], doc, soleKeyOf(table), table);
  const odd = ODD[table]?.(row) ?? null;
  if (odd !== null) throw corruptDocument(table, doc, odd);
  return row;
}

/** For each table, the check that its fields fit together. */
const ODD: { readonly [T in Table]?: (row: Tables[T]) => string | null } = { messages: oddFieldOf };

/** The name of the only key field, which is stored as `_id`; `null` if the key has several fields. */
function soleKeyOf(table: Table): string | null {
  const names: readonly string[] = PRIMARY_KEYS[table];
  return names.length === 1 ? (names[0] ?? null) : null;
}

function read<Row extends object>(
  fields: FieldsOf<Row>,
  doc: MongoDocument,
  soleKey: string | null,
  table: Table,
): Row {
  const row: Partial<Row> = {};
  for (const name in fields) {
    try {
      row[name] = fields[name].read(doc, name === soleKey ? "_id" : name);
    } catch (error) {
      throw error instanceof ForeignValue ? corruptDocument(table, doc, name) : error;
    }
  }
  if (!isWhole(fields, row)) throw new TypeError("A row was read without one of its fields.");
  return row;
}

function isWhole<Row extends object>(fields: FieldsOf<Row>, row: Partial<Row>): row is Row {
  for (const name in fields) if (!(name in row)) return false;
  return true;
}

/**
 * A new row as its document.
 *
 * @throws OwnlineError `invalid_message` for an id, key or address that the database cannot store
 */
export function documentOf<T extends Table>(table: T, row: Tables[T]): MongoDocument {
  const document: Record<string, unknown> = { _id: idOf(table, row) };
  const values = { ...written<Tables[T]>(FIELDS[table], row, [soleKeyOf(table)]), ...DERIVED[table]?.(row) };
  for (const [name, value] of Object.entries(values)) if (value !== null) document[name] = value;
  return document;
}

/** The change of a document. Fields that it does not name keep their values. */
export interface DocumentChange {
  readonly $set?: MongoDocument;
  readonly $unset?: Readonly<Record<string, "">>;
}

/** The change of a document for the patch of a row. `before`: the row as it was loaded. */
export function changeOf<T extends Table>(table: T, patch: Partial<Tables[T]>, before: Tables[T]): DocumentChange {
  const values = {
    ...written<Tables[T]>(FIELDS[table], patch, ["version", ...PRIMARY_KEYS[table]]),
    ...DERIVED[table]?.({ ...before, ...patch }),
  };
  const set: Record<string, unknown> = {};
  const unset: Record<string, ""> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === null) unset[name] = "";
    else set[name] = value;
  }
  return {
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(Object.keys(unset).length > 0 && { $unset: unset }),
  };
}

function written<Row extends object>(
  fields: FieldsOf<Row>,
  row: Partial<Row>,
  without: readonly (string | null)[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name in fields) {
    const value = row[name];
    if (value !== undefined && !without.includes(name)) values[name] = fields[name].write(value);
  }
  return values;
}
