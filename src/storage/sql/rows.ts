import type { Media, MessageError } from "../../model/message.ts";
import { CorruptRow, ForeignValue, isLedgerNumber } from "../ledger/corrupt.ts";
import { oddFieldOf } from "../ledger/directions.ts";
import { type MessageRow, PRIMARY_KEYS, type Table, type Tables } from "../ledger/rows.ts";
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
import { columnOf } from "./columns.ts";
import type { SqlRow } from "./driver.ts";
import {
  boolean,
  booleanOrNull,
  foreign,
  integer,
  integerOrNull,
  json,
  jsonOrNull,
  oneOf,
  oneOfOrNull,
  record,
  text,
  textOrNull,
} from "./fields.ts";

/*
 * Reads rows of the database and checks their values.
 */

/** @throws CorruptRow */
export type Reader<T extends Table> = (row: SqlRow) => Tables[T];

function readerOf<T extends Table>(table: T, read: (row: SqlRow) => Tables[T]): Reader<T> {
  const names = PRIMARY_KEYS[table].map(columnOf);
  return (row) => {
    try {
      return read(row);
    } catch (error) {
      if (!(error instanceof ForeignValue)) throw error;
      throw new CorruptRow({
        table,
        key: names.map((name) => keyIn(row, name)),
        column: error.column,
        ...ownerOf(table, row),
      });
    }
  };
}

function keyIn(row: SqlRow, name: string): string | number {
  const value = row[name];
  return typeof value === "string" ? value : Number(value);
}

/** The conversation that a row belongs to, and a conversation's consent, if the row shows them. */
function ownerOf(table: Table, row: SqlRow): { readonly conversationId: string | null; readonly consentKey?: string } {
  const id = table === "conversations" ? row.id : row.conversation_id;
  return {
    conversationId: typeof id === "string" ? id : null,
    ...(table === "conversations" && typeof row.consent_key === "string" && { consentKey: row.consent_key }),
  };
}

export const conversationRow: Reader<"conversations"> = readerOf("conversations", (row) => ({
  id: text(row, "id"),
  scope: text(row, "scope"),
  line: text(row, "line"),
  participantKey: text(row, "participant_key"),
  participant: text(row, "participant"),
  participantSeenAt: integerOrNull(row, "participant_seen_at"),
  sender: text(row, "sender"),
  consentKey: text(row, "consent_key"),
  paused: boolean(row, "paused"),
  seq: integer(row, "seq"),
  inboundSeq: integer(row, "inbound_seq"),
  answeredSeq: integer(row, "answered_seq"),
  unansweredSeq: integer(row, "unanswered_seq"),
  unansweredSince: integerOrNull(row, "unanswered_since"),
  dueAt: integerOrNull(row, "due_at"),
  backoffUntil: integer(row, "backoff_until"),
  leaseWorker: textOrNull(row, "lease_worker"),
  setAsideBy: textOrNull(row, "set_aside_by"),
  writtenAt: integer(row, "written_at"),
  fence: integer(row, "fence"),
  createdAt: integer(row, "created_at"),
  updatedAt: integer(row, "updated_at"),
  version: integer(row, "version"),
}));

export const messageRow: Reader<"messages"> = readerOf("messages", (row) => {
  const message: MessageRow = {
    id: text(row, "id"),
    conversationId: text(row, "conversation_id"),
    seq: integer(row, "seq"),
    changedSeq: integer(row, "changed_seq"),
    origin: oneOf(row.origin, "origin", ORIGINS),
    sender: text(row, "sender"),
    participant: text(row, "participant"),
    body: bodyOf(row),
    media: mediaOf(row),
    createdAt: integer(row, "created_at"),
    key: textOrNull(row, "key"),
    providerMessageId: textOrNull(row, "provider_message_id"),
    occurredAt: integerOrNull(row, "occurred_at"),
    needsAnswer: booleanOrNull(row, "needs_answer"),
    autoReplyId: textOrNull(row, "auto_reply_id"),
    status: oneOfOrNull(row, "status", DELIVERY_STATUSES),
    error: errorOf(row),
    groupId: textOrNull(row, "group_id"),
    part: integerOrNull(row, "part"),
    parts: integerOrNull(row, "parts"),
    turnId: textOrNull(row, "turn_id"),
    attempts: integerOrNull(row, "attempts"),
    providerMessageIds: stringsOrNull(row, "provider_message_ids"),
    encoding: oneOfOrNull(row, "encoding", ENCODINGS),
    segments: integerOrNull(row, "segments"),
    expiresAt: integerOrNull(row, "expires_at"),
    notBefore: integerOrNull(row, "not_before"),
    orderUntil: integerOrNull(row, "order_until"),
    unknownSince: integerOrNull(row, "unknown_since"),
    settleAt: integerOrNull(row, "settle_at"),
    evidenceSince: integerOrNull(row, "evidence_since"),
    reservedKey: textOrNull(row, "reserved_key"),
    reservedAt: integerOrNull(row, "reserved_at"),
    reservedEpoch: integerOrNull(row, "reserved_epoch"),
    dueAt: integerOrNull(row, "due_at"),
    writtenAt: integer(row, "written_at"),
    scope: textOrNull(row, "scope"),
    setAsideBy: textOrNull(row, "set_aside_by"),
  };
  const odd = oddFieldOf(message);
  if (odd !== null) throw foreign(columnOf(odd));
  return message;
});

export const attemptRow: Reader<"attempts"> = readerOf("attempts", (row) => ({
  outboundId: text(row, "outbound_id"),
  conversationId: text(row, "conversation_id"),
  attempt: integer(row, "attempt"),
  status: oneOf(row.status, "status", ATTEMPT_STATUSES),
  providerMessageId: textOrNull(row, "provider_message_id"),
  error: errorOf(row),
  startedAt: integer(row, "started_at"),
  startedAfter: integerOrNull(row, "started_after"),
  worker: textOrNull(row, "worker"),
}));

export const eventRow: Reader<"events"> = readerOf("events", (row) => {
  const rawStatus = json(row, "raw_status");
  if (typeof rawStatus !== "string") throw foreign("raw_status");
  return {
    outboundId: text(row, "outbound_id"),
    conversationId: text(row, "conversation_id"),
    attempt: integer(row, "attempt"),
    position: integer(row, "position"),
    providerMessageId: text(row, "provider_message_id"),
    status: oneOf(row.status, "status", PROVIDER_STATUSES),
    rawStatus,
    error: errorOf(row),
    at: integer(row, "at"),
    times: integer(row, "times"),
  };
});

export const turnRow: Reader<"turns"> = readerOf("turns", (row) => ({
  id: text(row, "id"),
  conversationId: text(row, "conversation_id"),
  firstSeq: integer(row, "first_seq"),
  throughSeq: integer(row, "through_seq"),
  repetition: integer(row, "repetition"),
  runs: integer(row, "runs"),
  failures: integer(row, "failures"),
  superseded: integer(row, "superseded"),
  crashes: integer(row, "crashes"),
  error: errorOf(row),
  outcome: oneOfOrNull(row, "outcome", TURN_OUTCOMES),
  createdAt: integer(row, "created_at"),
  committedAt: integerOrNull(row, "committed_at"),
}));

export const keyRow: Reader<"keys"> = readerOf("keys", (row) => ({
  kind: oneOf(row.kind, "kind", KEY_KINDS),
  key: text(row, "key"),
  ref: textOrNull(row, "ref"),
  attempt: integerOrNull(row, "attempt"),
  content: textOrNull(row, "content"),
  call: text(row, "call"),
}));

export const consentRow: Reader<"consents"> = readerOf("consents", (row) => ({
  key: text(row, "key"),
  state: oneOf(row.state, "state", CONSENT_STATES),
  source: oneOf(row.source, "source", CONSENT_SOURCES),
  service: textOrNull(row, "service"),
  providerBlocks: boolean(row, "provider_blocks"),
  changedAt: integer(row, "changed_at"),
  version: integer(row, "version"),
}));

export const counterRow: Reader<"counters"> = readerOf("counters", (row) => ({
  key: text(row, "key"),
  charged: integer(row, "charged"),
  endsAt: integer(row, "ends_at"),
  writtenAt: integer(row, "written_at"),
}));

export const rateLimitRow: Reader<"rateLimits"> = readerOf("rateLimits", (row) => ({
  key: text(row, "key"),
  freeAt: integer(row, "free_at"),
  usedUntil: integer(row, "used_until"),
  epoch: integer(row, "epoch"),
  writtenAt: integer(row, "written_at"),
  version: integer(row, "version"),
}));

export const workerRow: Reader<"workers"> = readerOf("workers", (row) => ({
  id: text(row, "id"),
  scope: text(row, "scope"),
  aliveUntil: integer(row, "alive_until"),
  writtenAt: integer(row, "written_at"),
}));

export const sweepRow: Reader<"sweeps"> = readerOf("sweeps", (row) => ({
  sender: text(row, "sender"),
  watermark: integerOrNull(row, "watermark"),
  fence: integer(row, "fence"),
  claimedUntil: integerOrNull(row, "claimed_until"),
  committedAt: integerOrNull(row, "committed_at"),
  writtenAt: integer(row, "written_at"),
  version: integer(row, "version"),
}));

function stringsOrNull(row: SqlRow, column: string): readonly string[] | null {
  const list = jsonOrNull(row, column);
  if (list === null) return null;
  if (!Array.isArray(list)) throw foreign(column);
  return list.map((entry: unknown) => {
    if (typeof entry !== "string") throw foreign(column);
    return entry;
  });
}

function bodyOf(row: SqlRow): string {
  const body = json(row, "body");
  if (typeof body !== "string") throw foreign("body");
  return body;
}

function mediaOf(row: SqlRow): readonly Media[] {
  const media = json(row, "media");
  if (!Array.isArray(media)) throw foreign("media");
  return media.map((entry: unknown) => {
    const { url, contentType } = record(entry, "media");
    if (typeof url !== "string" || typeof contentType !== "string") throw foreign("media");
    return { url, contentType };
  });
}

function errorOf(row: SqlRow): MessageError | null {
  if (row.error === null) return null;
  const { code, reason } = record(json(row, "error"), "error");
  if (typeof reason !== "string" || (code !== null && !isLedgerNumber(code))) throw foreign("error");
  return { code, reason };
}
