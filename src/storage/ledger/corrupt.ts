import { type LedgerRow, OwnlineError } from "../../errors.ts";
import { maskAddress } from "../../model/phone-number.ts";
import type { MessageRow, Table } from "./rows.ts";

/** Thrown where a column is read: it holds what ownline never writes. */
export class ForeignValue extends TypeError {
  readonly column: string;

  constructor(column: string) {
    super(`The ledger's column ${column} holds what ownline never writes: the database was changed.`);
    this.column = column;
  }
}

/** A row that was found, and that cannot be read. */
export interface UnreadRow {
  /** A stored answer has no rules, and is no table of theirs. */
  readonly table: Table | "answers";
  /** The fields that name the row, as the database has them. */
  readonly key: readonly (string | number)[];
  readonly column: string;
  /** Whose it is; `null` where it belongs to none, or does not say. */
  readonly conversationId: string | null;
  /** Of a conversation: the consent that it is filed under, where that can be read. */
  readonly consentKey?: string;
}

/** Thrown where a row is read that cannot be. The ledger makes an {@link OwnlineError} of it. */
export class CorruptRow extends Error {
  override readonly name = "CorruptRow";
  readonly row: UnreadRow;

  constructor(row: UnreadRow, options?: ErrorOptions) {
    super(`A row of ${row.table} cannot be read: its column ${row.column} holds what ownline never writes.`, options);
    this.row = row;
  }
}

const INBOUND: readonly (keyof MessageRow)[] = ["needsAnswer", "occurredAt", "key"];
const OUTBOUND: readonly (keyof MessageRow)[] = [
  "groupId",
  "part",
  "parts",
  "attempts",
  "providerMessageIds",
  "encoding",
  "segments",
  "expiresAt",
  "notBefore",
  "orderUntil",
];

/** The field of a message that does not go with its direction; `null` where all do. */
export function oddFieldOf(row: MessageRow): keyof MessageRow | null {
  const isInbound = row.status === null;
  if (isInbound !== (row.origin === "webhook" || row.origin === "simulated")) return "origin";
  return (isInbound ? INBOUND : OUTBOUND).find((field) => row[field] === null) ?? null;
}

/** What `read` makes of each. Those that cannot be read join `corrupt` instead. */
export function legible<Raw, Value>(
  raws: readonly Raw[],
  corrupt: UnreadRow[],
  read: (raw: Raw) => Value,
): readonly Value[] {
  return raws.flatMap((raw) => {
    try {
      return [read(raw)];
    } catch (error) {
      if (!(error instanceof CorruptRow)) throw error;
      corrupt.push(error.row);
      return [];
    }
  });
}

/**
 * A limit is shared by many conversations, and what it counts is over soon. One that cannot be read is deleted and begins
 * anew: it may be exceeded once, and holds no conversation up.
 */
export function isVoid({ table }: UnreadRow): boolean {
  return table === "counters" || table === "rateLimits";
}

const E164 = /\+[1-9]\d{6,14}/g;

/** What an operator must know of a row, and what the log may hold. */
function shownRow({ table, key, column, conversationId }: UnreadRow): LedgerRow {
  return { table, id: key.join(" ").replace(E164, maskAddress), column, conversationId };
}

/** The error of a call about such a row. */
export function corruptRowError(unread: UnreadRow, cause?: unknown): OwnlineError {
  const row = shownRow(unread);
  return new OwnlineError(
    "storage_corrupt",
    `The row ${row.id} of the ledger's table ${row.table} cannot be read, since its column ${row.column} holds what ` +
      `ownline never writes: another program changed it, or the disk damaged it. ${consequenceOf(row)}`,
    { row, ...(cause === undefined ? {} : { cause }) },
  );
}

function consequenceOf({ table, conversationId }: LedgerRow): string {
  const which = conversationId === null ? "Its conversation" : `Conversation ${conversationId}`;
  switch (table) {
    case "consents":
      return "Nothing is sent where it is asked: restore the row from a backup, or set its state to opted-out. Do not delete it, since that would forget a STOP.";
    case "keys":
      return `${which} stands still where it is needed: restore the row from a backup.`;
    case "counters":
    case "rateLimits":
      return "It was deleted, and the limit begins anew.";
    case "workers":
    case "sweeps":
    case "answers":
      return "What needs it stands still: restore the row from a backup, or delete it, and ownline makes it anew.";
    default:
      return `${which} stands still, and all others go on: restore the row from a backup, or call erase() for the conversation's participant.`;
  }
}
