import type { MessageStory, StatusEvent } from "../storage.ts";
import type { SqlRow } from "./driver.ts";
import type { Ledger } from "./operation.ts";
import { attemptOf, conversationOf, eventOf, inboundOf, integer, messageOf, outboundOf, text, turnOf } from "./rows.ts";

/** See `Storage.story`. */
export async function story(ledger: Ledger, id: string): Promise<MessageStory | null> {
  const [[message] = [], [conversation] = [], [turn] = [], answers = [], replies = [], attempts = [], events = []] =
    await ledger.read("story.read", { id });
  if (message === undefined || conversation === undefined) return null;
  return {
    message: messageOf(message),
    conversation: conversationOf(conversation),
    turn: turn === undefined ? null : turnOf(turn),
    answers: answers.map(inboundOf),
    replies: by(replies, "seq").map(outboundOf),
    attempts: by(by(attempts, "n"), "seq").map((row) => attemptOf(row, eventsOf(row, events))),
  };
}

function eventsOf(attempt: SqlRow, events: readonly SqlRow[]): readonly StatusEvent[] {
  const own = events.filter((event) => {
    const isSameMessage = text(event, "outbound_id") === text(attempt, "outbound_id");
    return isSameMessage && integer(event, "attempt") === integer(attempt, "n");
  });
  return by(own, "position").map(eventOf);
}

function by(rows: readonly SqlRow[], column: string): readonly SqlRow[] {
  return rows.toSorted((one, other) => integer(one, column) - integer(other, column));
}
