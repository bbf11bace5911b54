import type { Table } from "../ledger/rows.ts";

/** How a field is stored in its column. */
export type StoredAs = "text" | "integer" | "boolean" | "json";

export interface Column {
  readonly field: string;
  readonly column: string;
  readonly storedAs: StoredAs;
}

/** The names of the tables in the database. */
export const TABLE_NAMES: { readonly [T in Table]: string } = {
  conversations: "ownline_conversations",
  messages: "ownline_messages",
  attempts: "ownline_attempts",
  events: "ownline_events",
  turns: "ownline_turns",
  keys: "ownline_keys",
  consents: "ownline_consents",
  counters: "ownline_counters",
  rateLimits: "ownline_rate_limits",
  workers: "ownline_workers",
  sweeps: "ownline_sweeps",
};

/** The tables that a decision writes row by row. Counters and workers have statements of their own. */
export type Written = Exclude<Table, "counters" | "workers">;

const text = (fields: string): readonly Column[] => columns(fields, "text");
const integer = (fields: string): readonly Column[] => columns(fields, "integer");
const json = (fields: string): readonly Column[] => columns(fields, "json");
const boolean = (fields: string): readonly Column[] => columns(fields, "boolean");

function columns(fields: string, storedAs: StoredAs): readonly Column[] {
  return fields.split(" ").map((field) => ({ field, column: columnOf(field), storedAs }));
}

/** `dueAt` becomes `due_at`. */
export function columnOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The columns of each table. */
export const COLUMNS: { readonly [T in Written]: readonly Column[] } = {
  conversations: [
    ...text("id scope line participantKey participant sender consentKey leaseWorker setAsideBy"),
    ...boolean("paused"),
    ...integer("seq inboundSeq answeredSeq unansweredSeq unansweredSince dueAt backoffUntil writtenAt fence"),
    ...integer("participantSeenAt createdAt updatedAt version"),
  ],
  messages: [
    ...text("id conversationId origin sender participant key providerMessageId autoReplyId status groupId turnId"),
    ...text("encoding reservedKey scope setAsideBy"),
    ...json("body media error providerMessageIds"),
    ...boolean("needsAnswer"),
    ...integer("seq changedSeq createdAt occurredAt part parts attempts segments expiresAt notBefore orderUntil"),
    ...integer("unknownSince settleAt evidenceSince reservedAt reservedEpoch dueAt writtenAt"),
  ],
  attempts: [
    ...text("outboundId conversationId status providerMessageId worker"),
    ...json("error"),
    ...integer("attempt startedAt startedAfter"),
  ],
  events: [
    ...text("outboundId conversationId providerMessageId status"),
    ...json("rawStatus error"),
    ...integer("attempt position at times"),
  ],
  turns: [
    ...text("id conversationId outcome"),
    ...json("error"),
    ...integer("firstSeq throughSeq repetition runs failures superseded crashes createdAt committedAt"),
  ],
  keys: [...text("kind key ref content call"), ...integer("attempt")],
  consents: [...text("key state source service"), ...boolean("providerBlocks"), ...integer("changedAt version")],
  rateLimits: [...text("key"), ...integer("freeAt usedUntil epoch writtenAt version")],
  sweeps: [...text("sender"), ...integer("watermark fence claimedUntil committedAt writtenAt version")],
};

/** Whether the rows of a table have a version, which rises with each change. */
export function isVersioned(table: Written): boolean {
  return COLUMNS[table].some(({ field }) => field === "version");
}
