import type { Storage } from "../../../storage/storage.ts";
import { SCOPE } from "./terms.ts";

/** Everything that a caller can read from a ledger, without values that change as time passes. */
export async function snapshotOf(storage: Storage, consentKeys: Iterable<string>): Promise<unknown> {
  const { conversations } = await storage.conversations({ limit: 1_000 });
  const shown = [];
  for (const conversation of conversations) {
    const messages = await storage.messages({ conversationId: conversation.id, after: 0, limit: 1_000 });
    const stories = await Promise.all(messages.map((message) => storage.story(message.id)));
    shown.push({ conversation, messages, stories });
  }
  const consents = await Promise.all(Array.from(consentKeys, (key) => storage.consent(key)));
  const { messages, turns } = await storage.due({ scope: SCOPE, workerId: "w1", limit: 1_000 });
  return { shown, consents, due: { messages, turns } };
}
