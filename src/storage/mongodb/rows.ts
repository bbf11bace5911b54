import { isFinal } from "../../model/delivery-status.ts";
import type { MongoDocument } from "./client.ts";
import { type AttemptFields, attemptFields, attemptsOf, fieldsOf, messageFields, outboundOf } from "./documents.ts";
import { documentOrNull, moment, number, numberOrNull, present, text, textOrNull } from "./fields.ts";
import type { AttemptRow, ConversationRow, InboundRow, MessageRow, OutboundRow, TurnRow } from "./judgement/rows.ts";

/** What a conversation's document holds beside its row. */
export interface ConversationPlace {
  /** Counts the locks: a write to raise it is what makes two transactions on one conversation collide. */
  readonly v: number;
  readonly lockedAt: Date;
  /** `seq` of the newest text that ever needed an answer. */
  readonly pendingSeq: number;
  /** How many turns have begun: the next one's number. */
  turnsBegun: number;
  /** The open turn, as long as it is not loaded: then the row speaks for it. */
  unloadedTurnId: string | null;
}

/** Of a conversation's document; one that is about to begin has only its id. */
export function placeOf(doc: MongoDocument): ConversationPlace {
  return {
    v: numberOrNull(doc, "v") ?? 0,
    lockedAt: new Date("lockedAt" in doc ? moment(doc, "lockedAt") : 0),
    pendingSeq: numberOrNull(doc, "pendingSeq") ?? 0,
    turnsBegun: numberOrNull(doc, "turnsBegun") ?? 0,
    unloadedTurnId: textOrNull(doc, "turnId"),
  };
}

export function conversationDocument(row: ConversationRow, place: ConversationPlace): MongoDocument {
  const { consentKey, pendingSince, dueAt, backoffUntil, fence, leasedTo, turn, pending, indexedAt } = row;
  const { v, lockedAt, turnsBegun } = place;
  return {
    ...fieldsOf(row.shown),
    consentKey,
    pendingSince,
    dueAt,
    backoffUntil,
    fence,
    turnId: turn?.shown.id ?? place.unloadedTurnId,
    turnsBegun,
    v,
    lockedAt,
    pendingSeq: Math.max(place.pendingSeq, pending.at(-1)?.message.seq ?? 0),
    ...present({ leasedTo, claimableAt: indexedAt }),
  };
}

export function turnDocument(row: TurnRow, place: number): MongoDocument {
  return { ...fieldsOf(row.shown), number: place, firstSeq: row.firstSeq, crashes: row.crashes };
}

/** What a text's document names, whether it is loaded or not. */
export interface TextLinks {
  readonly turnIds: readonly string[];
  readonly autoReplyId: string | null;
}

export function textDocument(row: InboundRow, links: TextLinks): MongoDocument {
  const turnIds = [...new Set([...links.turnIds, ...row.turns.map((turn) => turn.shown.id)])];
  return {
    ...messageFields(row.message),
    key: row.key,
    done: true,
    ...(turnIds.length === 0 ? {} : { turnIds }),
    ...present({ autoReplyId: row.autoReply?.message.id ?? links.autoReplyId }),
  };
}

export function outboundDocument(row: OutboundRow): MongoDocument {
  const { message, key, expiresAt, notBefore, orderUntil, unknownSince, settleAt, witnessSince, slot } = row;
  const handing = row.attempts.find(({ status, workerId }) => status === "sending" && workerId !== null);
  return {
    ...messageFields(message),
    key,
    expiresAt,
    notBefore,
    orderUntil,
    unknownSince,
    settleAt,
    witnessSince,
    slot: slot === null ? null : { ...slot },
    tries: row.attempts.map(attemptFields),
    ...present({
      open: openAs(row),
      unsettled: row.attempts.some(({ status }) => status === "unknown") ? true : null,
      sendingBy: handing?.workerId ?? null,
      dueAt: row.indexedAt,
      done: isFinal(message.status) ? true : null,
    }),
  };
}

/** Why a message of ours still matters to the others of its conversation; `null` where it does not. */
function openAs({ message: { status, origin } }: OutboundRow): "queued" | "unknown" | "held" | null {
  if (origin === "auto-reply") return null;
  if (status === "intent" || status === "sending") return "queued";
  return status === "unknown" || status === "held" ? status : null;
}

/** The row of an outbound message's document. */
export function outboundRow(
  doc: MongoDocument,
  owner: Pick<OutboundRow, "conversation" | "turn" | "group">,
): OutboundRow {
  const slot = documentOrNull(doc, "slot");
  const row: OutboundRow = {
    ...owner,
    direction: "outbound",
    message: outboundOf(doc),
    key: textOrNull(doc, "key"),
    expiresAt: number(doc, "expiresAt"),
    notBefore: number(doc, "notBefore"),
    orderUntil: number(doc, "orderUntil"),
    unknownSince: number(doc, "unknownSince"),
    settleAt: number(doc, "settleAt"),
    witnessSince: numberOrNull(doc, "witnessSince"),
    slot: slot === null ? null : { key: text(slot, "key"), at: number(slot, "at"), epoch: number(slot, "epoch") },
    attempts: [],
    indexedAt: numberOrNull(doc, "dueAt"),
  };
  for (const fields of attemptsOf(doc)) row.attempts.push(attemptRow(row, fields));
  return row;
}

function attemptRow(message: OutboundRow, fields: AttemptFields): AttemptRow {
  return { message, ...fields, events: [...fields.events] };
}

/** Puts a row where its number belongs. Lists are short, and mostly filled in order. */
export function insertBy<T>(list: T[], row: T, numberOf: (row: T) => number): void {
  const at = list.findIndex((other) => numberOf(other) > numberOf(row));
  list.splice(at < 0 ? list.length : at, 0, row);
}

export function seqOf(row: MessageRow): number {
  return row.message.seq;
}
