import type { AutoReplyRecord, RecordedInbound } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";
import { fullCounter, isNews } from "../turns/silence.ts";
import { trouble } from "../worker/heart.ts";
import type { WordedReply } from "./incoming.ts";

/**
 * Emits why the ledger did not take an auto-reply: `silenced` where a limit is full, once per window as for the AI's
 * answers, else `cancelled`. It is called after the commit. Never throws: the person's text is stored by now.
 */
export async function reportUnsentReply(
  context: EngineContext,
  { conditions }: AutoReplyRecord,
  worded: WordedReply | null,
  { message, conversation }: RecordedInbound,
): Promise<void> {
  // Without `worded` a policy or the ledger says why the text is not answered, and the notice about the text says it.
  if (message === null || (worded === null && !message.needsAnswer)) return;
  const { conversationId } = message;
  const reply = worded === null ? "the auto-reply" : `the reply of the policy "${worded.policy}"`;
  const tell = (kind: "cancelled" | "silenced", why: string) =>
    context.reporter.notice({ kind, conversationId, messageId: null, detail: `${reply} was not sent: ${why}` });
  if (conditions.unpaused && conversation?.paused === true) return tell("cancelled", "a person has taken over");
  if (conditions.cancel !== null) return tell("cancelled", conditions.cancel);
  if (conditions.delayMs > 0) {
    return tell("cancelled", "a policy delays messages, and the webhook's answer cannot wait");
  }
  try {
    const full = await fullCounter(context, conditions.counters);
    // The window may have ended since the commit.
    if (full === null) return tell("silenced", "a limit of a policy was full");
    if (isNews(context, full.rule.key, full.endsInMs)) tell("silenced", full.rule.reason);
  } catch (error) {
    context.reporter.error(trouble(error));
    tell("silenced", "a limit of a policy was full");
  }
}
