import type { RecordedInbound } from "../../storage/storage.ts";
import type { Worker } from "./worker.ts";

/** Lets a run that is going on in this process hear at once of a text that was stored: it gives way, or ends. */
export function heed(worker: Pick<Worker, "newerText" | "callOff" | "wake">, recorded: RecordedInbound): void {
  const { message, conversation, confirmation, turnInMs } = recorded;
  if (message === null || conversation === null) return;
  if (confirmation !== undefined) worker.wake();
  if (message.needsAnswer) worker.newerText(message.conversationId, message.seq, turnInMs);
  // Counted as answered in the very commit that stored it: an opt-out, which ended the open turn.
  else if (conversation.answeredSeq >= message.seq) worker.callOff(message.conversationId);
}
