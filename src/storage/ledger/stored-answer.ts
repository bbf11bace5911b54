import type { Erased } from "../storage.ts";
import { CorruptRow } from "./corrupt.ts";

/**
 * Reads the answer that a method stored under its call id. The answer has the type that the method returns.
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

/** Reads the stored answer of an `erase` or `purge`. */
export function erasedIn(stored: string, call: string): Erased {
  const { conversations, messages } = answerIn<Erased>(stored, call);
  return { conversations, messages };
}
