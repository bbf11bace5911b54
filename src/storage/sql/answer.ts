import type { Conversation } from "../../model/conversation.ts";
import type { SqlRow } from "./driver.ts";
import { conversationOf, integer, json, record, text } from "./rows.ts";

/** What `READ_ANSWER` read. */
export interface Answer {
  readonly outcome: string;
  readonly at: number;
  readonly detail: Readonly<Record<string, unknown>>;
  /** The rows of the answer's messages in a role, in order. */
  messages(role: string): readonly SqlRow[];
  readonly conversation: Conversation | null;
}

/** Puts together what a batch read of its operation's answer. */
export function answerOf(results: readonly (readonly SqlRow[])[]): Answer {
  const [[operation] = [], messages = [], [conversation] = []] = results;
  if (operation === undefined) throw new TypeError("The operation's marker is missing: the batch did not run as one.");
  const inOrder = messages.toSorted((one, other) => integer(one, "position") - integer(other, "position"));
  return {
    outcome: text(operation, "outcome"),
    at: integer(operation, "at"),
    detail: operation.detail === null ? {} : record(json(operation, "detail"), "detail"),
    messages: (role) => inOrder.filter((row) => row.role === role),
    conversation: conversation === undefined ? null : conversationOf(conversation),
  };
}
