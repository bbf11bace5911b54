import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { Conversation, Turn, TurnOutcome } from "../../model/conversation.ts";
import type { AttemptStatus, CarrierStatus, DeliveryStatus } from "../../model/delivery-status.ts";
import type { InboundMessage, Media, Message, MessageError, OutboundMessage } from "../../model/message.ts";
import type { Consent, StatusEvent } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import {
  documentOrNull,
  documents,
  isTrue,
  kept,
  keptText,
  number,
  numberOrNull,
  oneOf,
  text,
  textOrNull,
  texts,
} from "./fields.ts";

const STATES: readonly ConsentState[] = ["opted-in", "opted-out"];
const SOURCES: readonly ConsentSource[] = ["word", "carrier", "refused-send"];
const INBOUND: readonly InboundMessage["origin"][] = ["webhook", "simulated"];
const OUTBOUND: readonly OutboundMessage["origin"][] = ["ai", "auto-reply", "operator", "api"];
const CARRIER: readonly CarrierStatus[] = ["accepted", "sent", "delivered", "undelivered", "failed"];
const ATTEMPT: readonly AttemptStatus[] = ["sending", "unknown", "refused", ...CARRIER];
const STATUSES: readonly DeliveryStatus[] = ["intent", "sending", "unknown", ...CARRIER, "cancelled", "held"];
const OUTCOMES: readonly TurnOutcome[] = ["replied", "fallback", "silent", "handed-off", "cancelled"];
const ENCODINGS: readonly OutboundMessage["encoding"][] = ["GSM-7", "UCS-2"];

/** What an attempt's document says, apart from whose it is. */
export interface AttemptFields {
  readonly attempt: number;
  readonly startedAt: number;
  readonly workerId: string | null;
  readonly status: AttemptStatus;
  readonly carrierId: string | null;
  readonly error: MessageError | null;
  readonly events: readonly StatusEvent[];
}

export function conversationOf(doc: MongoDocument): Conversation {
  return {
    id: text(doc, "_id"),
    line: text(doc, "line"),
    sender: text(doc, "sender"),
    participant: text(doc, "participant"),
    paused: isTrue(doc, "paused"),
    seq: number(doc, "seq"),
    inboundSeq: number(doc, "inboundSeq"),
    answeredSeq: number(doc, "answeredSeq"),
    createdAt: number(doc, "createdAt"),
    updatedAt: number(doc, "updatedAt"),
  };
}

export function turnOf(doc: MongoDocument): Turn {
  return {
    id: text(doc, "_id"),
    conversationId: text(doc, "conversationId"),
    runs: number(doc, "runs"),
    failures: number(doc, "failures"),
    superseded: number(doc, "superseded"),
    error: null,
    throughSeq: number(doc, "throughSeq"),
    outcome: doc.outcome === null ? null : oneOf(doc, "outcome", OUTCOMES),
    createdAt: number(doc, "createdAt"),
    committedAt: numberOrNull(doc, "committedAt"),
  };
}

/** `null` for a document that was only made to be locked. */
export function consentOf(doc: MongoDocument): Consent | null {
  if (doc.state === undefined) return null;
  return {
    state: oneOf(doc, "state", STATES),
    source: oneOf(doc, "source", SOURCES),
    changedAt: number(doc, "changedAt"),
  };
}

export function messageOf(doc: MongoDocument): Message {
  return doc.direction === "inbound" ? inboundOf(doc) : outboundOf(doc);
}

function baseOf(doc: MongoDocument) {
  return {
    id: text(doc, "_id"),
    conversationId: text(doc, "conversationId"),
    seq: number(doc, "seq"),
    changedSeq: number(doc, "changedSeq"),
    body: keptText(doc, "body"),
    media: documents(doc, "media").map((one): Media => {
      return { url: keptText(one, "url"), contentType: keptText(one, "contentType") };
    }),
    createdAt: number(doc, "createdAt"),
  };
}

export function inboundOf(doc: MongoDocument): InboundMessage {
  return {
    ...baseOf(doc),
    direction: "inbound",
    origin: oneOf(doc, "origin", INBOUND),
    from: text(doc, "from"),
    to: text(doc, "to"),
    carrierId: textOrNull(doc, "carrierId"),
    needsAnswer: isTrue(doc, "needsAnswer"),
    occurredAt: number(doc, "occurredAt"),
  };
}

export function outboundOf(doc: MongoDocument): OutboundMessage {
  return {
    ...baseOf(doc),
    direction: "outbound",
    origin: oneOf(doc, "origin", OUTBOUND),
    from: text(doc, "from"),
    to: text(doc, "to"),
    status: oneOf(doc, "status", STATUSES),
    error: errorOf(doc),
    groupId: text(doc, "groupId"),
    part: number(doc, "part"),
    parts: number(doc, "parts"),
    turnId: textOrNull(doc, "turnId"),
    attempts: number(doc, "attempts"),
    carrierIds: texts(doc, "carrierIds"),
    encoding: oneOf(doc, "encoding", ENCODINGS),
    segments: number(doc, "segments"),
  };
}

function errorOf(doc: MongoDocument): MessageError | null {
  const error = documentOrNull(doc, "error");
  return error === null ? null : { code: numberOrNull(error, "code"), reason: keptText(error, "reason") };
}

/** The attempts of an outbound message's document, the first one first. */
export function attemptsOf(doc: MongoDocument): AttemptFields[] {
  return documents(doc, "tries").map((one) => ({
    attempt: number(one, "attempt"),
    startedAt: number(one, "startedAt"),
    workerId: textOrNull(one, "workerId"),
    status: oneOf(one, "status", ATTEMPT),
    carrierId: textOrNull(one, "carrierId"),
    error: errorOf(one),
    events: documents(one, "events").map((event) => ({
      carrierId: text(event, "carrierId"),
      status: oneOf(event, "status", CARRIER),
      rawStatus: keptText(event, "rawStatus"),
      error: errorOf(event),
      at: number(event, "at"),
      times: number(event, "times"),
    })),
  }));
}

/** A model's object as fields of a document: its `id` is the document's. */
export function fieldsOf({ id, ...fields }: Conversation | Turn): MongoDocument {
  return { _id: id, ...fields };
}

/** A message as fields of its document. `needsAnswer: false` is left out, as the index of those that do holds no other. */
export function messageFields(message: Message): MongoDocument {
  const { id, body, media, ...fields } = message;
  const content = {
    body: kept(body),
    media: media.map(({ url, contentType }) => ({ url: kept(url), contentType: kept(contentType) })),
  };
  return message.direction === "inbound"
    ? { _id: id, ...fields, ...content }
    : { _id: id, ...fields, ...content, error: errorFields(message.error) };
}

/** An attempt as an entry of its message's document. */
export function attemptFields(attempt: AttemptFields): MongoDocument {
  const { attempt: n, startedAt, workerId, status, carrierId, error, events } = attempt;
  return {
    attempt: n,
    startedAt,
    workerId,
    status,
    carrierId,
    error: errorFields(error),
    events: events.map((event) => {
      return { ...event, rawStatus: kept(event.rawStatus), error: errorFields(event.error) };
    }),
  };
}

function errorFields(error: MessageError | null): MongoDocument | null {
  return error === null ? null : { code: error.code, reason: kept(error.reason) };
}
