import { type LedgerRow, OwnlineError } from "../../errors.ts";
import { maskAddress } from "../../model/phone-number.ts";
import type { Table } from "./rows.ts";

/** Thrown while a column is read, if it holds a value that ownline never writes. */
export class ForeignValue extends TypeError {
  readonly column: string;

  constructor(column: string) {
    super(`The ledger's column ${column} holds a value that ownline never writes: the database was changed.`);
    this.column = column;
  }
}

/** Whether a value is a number that ownline writes: neither infinite nor beyond the safe integers. */
export function isLedgerNumber(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** A row that exists and cannot be read. */
export interface UnreadRow {
  /** The rules do not read stored answers, so `Table` does not include `answers`. */
  readonly table: Table | "answers";
  /** The fields of its primary key, as the database holds them. */
  readonly key: readonly (string | number)[];
  readonly column: string;
  /** The conversation that the row belongs to; `null` if it belongs to none, or if the row does not show it. */
  readonly conversationId: string | null;
  /** Of a conversation: the consent that it is filed under, if that field can be read. */
  readonly consentKey?: string;
}

/** Thrown while a row is read, if the row cannot be read. The ledger makes an {@link OwnlineError} of it. */
export class CorruptRow extends Error {
  override readonly name = "CorruptRow";
  readonly row: UnreadRow;

  constructor(row: UnreadRow, options?: ErrorOptions) {
    super(
      `A row of ${row.table} cannot be read: its column ${row.column} holds a value that ownline never writes.`,
      options,
    );
    this.row = row;
  }
}

/** Applies `read` to each row and returns the results. Rows that cannot be read are added to `corrupt` instead. */
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
 * A counter or a rate limit that cannot be read. Many conversations share such a row, and its window ends soon. So the
 * ledger deletes it, and the limit begins anew: it blocks no conversation, and may be exceeded once.
 */
export interface DiscardableRow extends UnreadRow {
  readonly table: "counters" | "rateLimits";
}

export function isDiscardable(row: UnreadRow): row is DiscardableRow {
  return row.table === "counters" || row.table === "rateLimits";
}

const E164 = /\+[1-9]\d{6,14}/g;

/** A row as an error names it: without phone numbers, because the log may hold it. */
function shownRow({ table, key, column, conversationId }: UnreadRow): LedgerRow {
  return { table, id: key.join(" ").replace(E164, maskAddress), column, conversationId };
}

/** The error that a call about an unreadable row gets. */
export function corruptRowError(unread: UnreadRow, cause?: unknown): OwnlineError {
  const row = shownRow(unread);
  return new OwnlineError(
    "storage_corrupt",
    `The row ${row.id} of the ledger's table ${row.table} cannot be read, because its column ${row.column} holds a value that ` +
      `ownline never writes: another program changed it, or the disk damaged it. ${consequenceOf(row)}`,
    { row, ...(cause === undefined ? {} : { cause }) },
  );
}

function consequenceOf({ table, conversationId }: LedgerRow): string {
  const which = conversationId === null ? "Its conversation" : `Conversation ${conversationId}`;
  switch (table) {
    case "consents":
      return "No message that needs this consent is sent: restore the row from a backup, or set its state to opted-out. Do not delete the row, because that would forget a STOP.";
    case "keys":
      return `${which} is not processed where it needs this row: restore the row from a backup.`;
    case "counters":
    case "rateLimits":
      return "ownline deleted the row, and the limit begins anew.";
    case "workers":
      return (
        "What this worker holds is not taken over: restore the row from a backup, or set its alive_until and " +
        "written_at to 0 (on MongoDB: aliveUntil and writtenAt). Do not delete the row, because nothing takes over what " +
        "a worker without a row holds."
      );
    case "sweeps":
    case "answers":
      return "Calls that need this row fail: restore the row from a backup, or delete it, and ownline creates it again.";
    default:
      return `${which} is not processed, and all other conversations are: restore the row from a backup, or call erase() for the conversation's participant.`;
  }
}
