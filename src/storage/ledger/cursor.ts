import { OwnlineError } from "../../errors.ts";

/** A place in the list of conversations. */
interface Place {
  readonly at: number;
  readonly id: string;
}

/** The cursor behind a conversation, for the next page. */
export function cursorOf({ updatedAt, id }: { readonly updatedAt: number; readonly id: string }): string {
  return `${updatedAt}.${id}`;
}

/** @throws OwnlineError `invalid_options` for a text that `cursorOf` did not make. */
export function readCursor(cursor: string): Place {
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, Math.max(0, dot)));
  if (dot < 1 || !Number.isSafeInteger(at)) {
    throw new OwnlineError("invalid_options", "The cursor is not one that conversations() gave: pass it unchanged.");
  }
  return { at, id: cursor.slice(dot + 1) };
}
