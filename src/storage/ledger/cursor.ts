import { OwnlineError } from "../../errors.ts";
import { isLedgerNumber } from "./corrupt.ts";

/** A place in the list of conversations. */
interface Place {
  readonly at: number;
  readonly id: string;
}

/** The cursor of the page that begins after a conversation. */
export function cursorOf({ updatedAt, id }: { readonly updatedAt: number; readonly id: string }): string {
  return `${updatedAt}.${id}`;
}

/**
 * The cursor of the page that begins after a row whose `updatedAt` may be unreadable; `null` if such a value sorts after
 * all times. Text and other types sort before all times.
 */
export function cursorBehind({ updatedAt, id }: { readonly updatedAt: unknown; readonly id: string }): string | null {
  const at = typeof updatedAt === "bigint" ? Number(updatedAt) : updatedAt;
  if (isLedgerNumber(at)) return cursorOf({ updatedAt: Math.floor(at), id });
  if (at === null || at === undefined || (typeof at === "number" && !(at > 0))) return null;
  return cursorOf({ updatedAt: Number.MAX_SAFE_INTEGER, id: "" });
}

/** @throws OwnlineError `invalid_options` for a cursor that `cursorOf` did not make. */
export function readCursor(cursor: string): Place {
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, Math.max(0, dot)));
  if (dot < 1 || !Number.isSafeInteger(at)) {
    throw new OwnlineError(
      "invalid_options",
      "conversations() did not return this cursor: pass a returned cursor unchanged.",
    );
  }
  return { at, id: cursor.slice(dot + 1) };
}
