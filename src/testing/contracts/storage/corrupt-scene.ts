import { isOwnlineError, type LedgerRow } from "../../../errors.ts";
import { equal, ok, present } from "./assert.ts";
import type { Scene } from "./scene.ts";
import { DEBOUNCE_MS } from "./terms.ts";

/** How long the ledger skips a conversation before it checks its row again. */
export const LOOK_AGAIN_MS = 60_000;

export function personOf(number: number): string {
  return `+155501992${String(number).padStart(2, "0")}`;
}

/** Conversations of people who texted one after the other. All of them are due. */
export async function texted(s: Scene, count: number): Promise<readonly string[]> {
  const conversations: string[] = [];
  for (let number = 1; number <= count; number += 1) {
    const { conversation } = await s.texted({ participant: personOf(number) });
    conversations.push(present(conversation, "the conversation").id);
    // Each conversation is due later than the one before.
    await s.advance(10);
  }
  await s.advance(DEBOUNCE_MS);
  return conversations;
}

/** Checks that a call about an unreadable row fails with an error that names the row and is not retryable. */
export async function refusedRow(call: Promise<unknown>, what: string): Promise<LedgerRow> {
  try {
    await call;
  } catch (error) {
    ok(isOwnlineError(error) && error.code === "storage_corrupt", `${what}: expected storage_corrupt, got ${error}`);
    equal(error.retryable, false, `${what}: retryable`);
    const row = present(error.row, `${what}: the row`);
    for (const part of [row.table, row.id, row.column]) ok(error.message.includes(part), `${what}: names ${part}`);
    return row;
  }
  throw new Error(`${what}: expected storage_corrupt, got an answer`);
}

/** The id of a conversation's first text. */
export function textOf(s: Scene, conversationId: string): Promise<string> {
  return s.storage
    .messages({ conversationId, after: 0, limit: 1 })
    .then(([message]) => present(message, "the text").id);
}
