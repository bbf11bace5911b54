import assert from "node:assert/strict";
import { ownline } from "ownline";
import { fakeTransport } from "ownline/testing";

/** A text, its answer, and what the ledger shows of both. */
export async function conversation(storage) {
  const provider = fakeTransport();
  await storage.migrate();
  const sms = ownline({
    senders: ["+15703251809"],
    transport: provider,
    storage,
    burst: { quietMs: 1 },
    ai: () => "hello back",
  });
  await sms.fetch(provider.text({ from: "+12345678900", to: "+15703251809", body: "hello" }));
  await sms.settled();
  const { conversations } = await sms.conversations();
  const messages = await sms.messages({ conversationId: conversations[0]?.id ?? "" });
  assert.deepEqual(
    messages.map(({ body }) => body),
    ["hello", "hello back"],
  );
  assert.equal(provider.taken.length, 1);
  await sms.close();
}
