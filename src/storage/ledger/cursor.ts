import { OwnlineError } from "../../errors.ts";

/** A place in the list of conversations. */
interface Place {
  readonly at: number;
  readonly id: string;
}

/** The cursor of the page that begins after a conversation. */
export function cursorOf({ updatedAt, id }: { readonly updatedAt: number; readonly id: string }): string {
  return `${updatedAt}.${id}`;
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
