import type { Erased } from "../storage.ts";
import { CorruptRow } from "./corrupt.ts";

/**
 * What a method stored under the name of its call, so it has the method's type.
 *
 * @throws CorruptRow
 */
export function answerIn<Answer>(stored: string, call: string): Answer {
  try {
    return JSON.parse(stored);
  } catch (cause) {
    throw new CorruptRow({ table: "answers", key: [call], column: "answer", conversationId: null }, { cause });
  }
}

/** The same for a deletion. */
export function erasedIn(stored: string, call: string): Erased {
  const { conversations, messages } = answerIn<Erased>(stored, call);
  return { conversations, messages };
}
