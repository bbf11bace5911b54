import type { Conversation } from "../../model/conversation.ts";
import type { SqlRow } from "../sql/driver.ts";
import { integer, record, text } from "../sql/fields.ts";
import { conversationOf } from "./rows.ts";

/** What an operation's function answered. */
export interface Answer {
  readonly outcome: string;
  /** Unix milliseconds by the clock of the operation. */
  readonly at: number;
  readonly detail: Readonly<Record<string, unknown>>;
  /** The rows of the answer's messages in a role, in order. */
  messages(role: string): readonly SqlRow[];
  readonly conversation: Conversation | null;
}

export function answerOf(told: unknown): Answer {
  const answer = record(told, "answer");
  const messages = Array.isArray(answer.messages) ? answer.messages.map(thenOf) : [];
  return {
    outcome: text(answer, "outcome"),
    at: integer(answer, "at"),
    detail: answer.detail === null ? {} : record(answer.detail, "detail"),
    messages: (role) => messages.filter((row) => row.role === role),
    conversation: answer.conversation === null ? null : conversationOf(thenOf(answer.conversation)),
  };
}

/** A row as the operation's answer knew it: what has changed since is replaced by what it was. */
function thenOf(value: unknown): SqlRow {
  const { role, row, was } = record(value, "answer");
  return { ...rowOf(row), ...rowOf(was), role };
}

/**
 * A row that came as JSON, as the shared mapping knows rows: PostgreSQL has booleans and arrays where SQLite has
 * numbers and the text of a JSON array.
 */
export function rowOf(value: unknown): SqlRow {
  const row = record(value, "row");
  return Object.fromEntries(Object.entries(row).map(([column, held]): [string, unknown] => [column, plain(held)]));
}

function plain(held: unknown): unknown {
  if (typeof held === "boolean") return held ? 1 : 0;
  return Array.isArray(held) ? JSON.stringify(held) : held;
}

/** A JSON list of rows; `null` for none. */
export function rowsOf(value: unknown): readonly SqlRow[] {
  return Array.isArray(value) ? value.map(rowOf) : [];
}
