import type { Erased } from "../storage.ts";
import { CorruptRow, isLedgerNumber } from "./corrupt.ts";

interface Stored<Answer> {
  readonly answer: Answer;
}

/** The answer of a call in the form in which it is stored. */
export function storedForm<Answer>(answer: Answer): string {
  const stored: Stored<Answer> = { answer };
  return JSON.stringify(stored);
}

/**
 * Reads the answer that a method stored under its call id. The answer has the type that the method returns.
 *
 * @throws CorruptRow
 */
export function answerIn<Answer>(stored: string, call: string): Answer {
  const value = parsed(stored, call);
  if (!isStored<Answer>(value)) throw corruptAnswer(call);
  return value.answer;
}

/**
 * Reads the stored answer of an `erase` or `purge`.
 *
 * @throws CorruptRow
 */
export function erasedIn(stored: string, call: string): Erased {
  const value = parsed(stored, call);
  if (!isErased(value)) throw corruptAnswer(call);
  const { conversations, messages } = value;
  return { conversations, messages };
}

function parsed(stored: string, call: string): unknown {
  try {
    return JSON.parse(stored);
  } catch (cause) {
    throw corruptAnswer(call, cause);
  }
}

function isStored<Answer>(value: unknown): value is Stored<Answer> {
  return typeof value === "object" && value !== null && "answer" in value;
}

function isErased(value: unknown): value is Erased {
  if (typeof value !== "object" || value === null || !("conversations" in value && "messages" in value)) return false;
  return isLedgerNumber(value.conversations) && isLedgerNumber(value.messages);
}

function corruptAnswer(call: string, cause?: unknown): CorruptRow {
  return new CorruptRow({ table: "answers", key: [call], column: "answer", conversationId: null }, { cause });
}
