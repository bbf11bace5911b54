import assert from "node:assert/strict";
import { jsonSchema } from "ai";
import * as mocks from "ai/test";
import { ownline } from "ownline";
import { aiSdk } from "ownline/ai/ai-sdk";
import { memory } from "ownline/storage/memory";
import { fakeTransport } from "ownline/testing";

/* A conversation with a tool in it, over the mock model of the installed AI SDK. */
const [name = "", Model] =
  Object.entries(mocks)
    .filter(([one]) => /^MockLanguageModelV\d$/.test(one))
    .toSorted()
    .at(-1) ?? [];
// The second generation of the SDK's models spells these two differently.
const flat = name === "MockLanguageModelV2";
const usage = flat
  ? { inputTokens: 1, outputTokens: 1, totalTokens: 2 }
  : { inputTokens: { total: 1, noCache: 1 }, outputTokens: { total: 1, text: 1 } };
const result = (content, reason) => ({
  content: [content],
  finishReason: flat ? reason : { unified: reason, raw: undefined },
  usage,
  warnings: [],
});
const call = { type: "tool-call", toolCallId: "call-1", toolName: "book", input: '{"people":2}' };
const results = [result(call, "tool-calls"), result({ type: "text", text: "Booked for 2." }, "stop")];
const model = new Model({ modelId: "mock-1", doGenerate: async () => results.shift() });

const contexts = [];
const provider = fakeTransport();
const sms = ownline({
  senders: ["+15703251809"],
  transport: provider,
  storage: memory(),
  burst: { quietMs: 1 },
  ai: aiSdk({
    model,
    instructions: "You book tables.",
    tools: {
      book: {
        description: "Books a table",
        inputSchema: jsonSchema({ type: "object", properties: { people: { type: "number" } } }),
        execute: async (_, { context, experimental_context }) => {
          contexts.push(context, experimental_context);
          return "ok";
        },
      },
    },
  }),
});
await sms.fetch(provider.text({ from: "+12345678900", to: "+15703251809", body: "A table for 2" }));
await sms.settled();

assert.deepEqual(
  provider.taken.map(({ body }) => body),
  ["Booked for 2."],
);
assert.equal(model.doGenerateCalls[0].prompt[0].content, "You book tables.");
assert.equal(contexts.length, 2);
for (const context of contexts) {
  assert.equal(context.participant, "+12345678900");
  assert.match(context.turnId, /./);
}
