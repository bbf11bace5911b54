import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { Conversation, Turn, TurnOutcome } from "../../model/conversation.ts";
import type { AttemptStatus, CarrierStatus, DeliveryStatus } from "../../model/delivery-status.ts";
import type { InboundMessage, Media, Message, MessageError, Origin, OutboundMessage } from "../../model/message.ts";
import type { SqlRow } from "../sql/driver.ts";
import { foreign, integer, integerOrNull, json, oneOf, record, text, textOrNull } from "../sql/fields.ts";
import type { AttemptStory, Consent, StatusEvent } from "../storage.ts";

const STATES: readonly ConsentState[] = ["opted-in", "opted-out"];
const SOURCES: readonly ConsentSource[] = ["word", "carrier", "refused-send"];
const ORIGINS: readonly Origin[] = ["webhook", "simulated", "ai", "auto-reply", "operator", "api"];
const CARRIER: readonly CarrierStatus[] = ["accepted", "sent", "delivered", "undelivered", "failed"];
const ATTEMPT: readonly AttemptStatus[] = ["sending", "unknown", "refused", ...CARRIER];
const STATUSES: readonly DeliveryStatus[] = ["intent", "sending", "unknown", ...CARRIER, "cancelled", "held"];
const OUTCOMES: readonly TurnOutcome[] = ["replied", "fallback", "silent", "handed-off", "cancelled"];
const ENCODINGS: readonly OutboundMessage["encoding"][] = ["GSM-7", "UCS-2"];

/** A message as the operation's answer knew it: the columns that change are replaced by those of that moment. */
function then(row: SqlRow, columns: readonly string[]): SqlRow {
  if (typeof row.was !== "string") return row;
  const was = json(row, "was");
  if (!Array.isArray(was)) throw foreign("was");
  return { ...row, ...Object.fromEntries(columns.map((column, index): [string, unknown] => [column, was[index]])) };
}

/** Of `ownline_messages`. */
export function messageOf(current: SqlRow): Message {
  const row = then(current, ["status", "error", "changed_seq", "attempts", "carrier_ids"]);
  const base = {
    id: text(row, "id"),
    conversationId: text(row, "conversation_id"),
    seq: integer(row, "seq"),
    changedSeq: integer(row, "changed_seq"),
    ...contentOf(row),
    createdAt: integer(row, "created_at"),
  };
  const origin = oneOf(row.origin, "origin", ORIGINS);
  if (origin === "webhook" || origin === "simulated") {
    return {
      ...base,
      direction: "inbound",
      origin,
      from: text(row, "participant"),
      to: text(row, "sender"),
      carrierId: textOrNull(row, "carrier_id"),
      needsAnswer: integer(row, "needs_answer") === 1,
      occurredAt: integer(row, "occurred_at"),
    };
  }
  return {
    ...base,
    direction: "outbound",
    origin,
    from: text(row, "sender"),
    to: text(row, "participant"),
    status: oneOf(row.status, "status", STATUSES),
    error: errorOf(row),
    groupId: text(row, "group_id"),
    part: integer(row, "part"),
    parts: integer(row, "parts"),
    turnId: textOrNull(row, "turn_id"),
    attempts: integer(row, "attempts"),
    carrierIds: strings(row, "carrier_ids"),
    encoding: oneOf(row.encoding, "encoding", ENCODINGS),
    segments: integer(row, "segments"),
  };
}

export function inboundOf(row: SqlRow): InboundMessage {
  const message = messageOf(row);
  if (message.direction !== "inbound") throw foreign("origin");
  return message;
}

export function outboundOf(row: SqlRow): OutboundMessage {
  const message = messageOf(row);
  if (message.direction !== "outbound") throw foreign("origin");
  return message;
}

/** Of `ownline_conversations`. */
export function conversationOf(current: SqlRow): Conversation {
  const row = then(current, ["sender", "paused", "seq", "inbound_seq", "answered_seq", "updated_at"]);
  return {
    id: text(row, "id"),
    line: text(row, "line"),
    sender: text(row, "sender"),
    participant: text(row, "participant"),
    paused: integer(row, "paused") === 1,
    seq: integer(row, "seq"),
    inboundSeq: integer(row, "inbound_seq"),
    answeredSeq: integer(row, "answered_seq"),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}

/** Of `ownline_turns`. */
export function turnOf(row: SqlRow): Turn {
  return {
    id: text(row, "id"),
    conversationId: text(row, "conversation_id"),
    runs: integer(row, "runs"),
    failures: integer(row, "failures"),
    superseded: integer(row, "superseded"),
    throughSeq: integer(row, "through_seq"),
    outcome: row.outcome === null ? null : oneOf(row.outcome, "outcome", OUTCOMES),
    createdAt: integer(row, "created_at"),
    committedAt: integerOrNull(row, "committed_at"),
  };
}

/** Of `ownline_consents`. */
export function consentOf(row: SqlRow): Consent {
  return {
    state: oneOf(row.state, "state", STATES),
    source: oneOf(row.source, "source", SOURCES),
    changedAt: integer(row, "changed_at"),
  };
}

/** Of `ownline_attempts`, with its events. */
export function attemptOf(row: SqlRow, events: readonly StatusEvent[]): AttemptStory {
  return {
    outboundId: text(row, "outbound_id"),
    attempt: integer(row, "n"),
    status: oneOf(row.status, "status", ATTEMPT),
    carrierId: textOrNull(row, "carrier_id"),
    error: errorOf(row),
    startedAt: integer(row, "started_at"),
    events,
  };
}

/** Of `ownline_events`. */
export function eventOf(row: SqlRow): StatusEvent {
  const rawStatus: unknown = json(row, "raw_status");
  if (typeof rawStatus !== "string") throw foreign("raw_status");
  return {
    carrierId: text(row, "carrier_id"),
    status: oneOf(row.status, "status", CARRIER),
    rawStatus,
    error: errorOf(row),
    at: integer(row, "at"),
    times: integer(row, "times"),
  };
}

/** A column that holds a JSON list of strings. */
function strings(row: SqlRow, column: string): readonly string[] {
  const list = json(row, column);
  if (!Array.isArray(list)) throw foreign(column);
  return list.map((entry: unknown) => {
    if (typeof entry !== "string") throw foreign(column);
    return entry;
  });
}

/** Body and media as one JSON text: escaped, it keeps every character that JavaScript can hold. */
export function contentText(content: { readonly body: string; readonly media: readonly Media[] }): string {
  return JSON.stringify({
    body: content.body,
    media: content.media.map(({ url, contentType }) => ({ url, contentType })),
  });
}

function contentOf(row: SqlRow): { readonly body: string; readonly media: readonly Media[] } {
  const content = record(json(row, "content"), "content");
  const { body, media } = content;
  if (typeof body !== "string" || !Array.isArray(media)) throw foreign("content");
  return {
    body,
    media: media.map((entry: unknown) => {
      const { url, contentType } = record(entry, "content");
      if (typeof url !== "string" || typeof contentType !== "string") throw foreign("content");
      return { url, contentType };
    }),
  };
}

/** An error as JSON text, `null` for none. */
export function errorText(error: MessageError | null): string | null {
  return error === null ? null : JSON.stringify({ code: error.code, reason: error.reason });
}

/** The error of a reason of our own. */
export function reasonText(reason: string): string {
  return JSON.stringify({ code: null, reason });
}

function errorOf(row: SqlRow): MessageError | null {
  if (row.error === null) return null;
  const { code, reason } = record(json(row, "error"), "error");
  if (typeof reason !== "string" || (code !== null && typeof code !== "number")) throw foreign("error");
  return { code, reason };
}
