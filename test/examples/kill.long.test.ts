import { expect, it, vi } from "vitest";
import { type Example, OURS, PERSON, runExample, type Surroundings, surroundings } from "./example.ts";

// The expiry of a killed process is noticed after three seconds.
vi.setConfig({ testTimeout: 90_000 });
const POLL = { timeout: 40_000, interval: 50 };

/** The only conversation, and whether nothing is left to do in it. */
async function stateOf(example: Example) {
  const { conversations } = await example.call("/conversations");
  const [conversation] = conversations;
  const { messages } = await example.call(`/conversations/${conversation?.id}/messages?after=0`);
  return {
    texts: messages.map(({ direction, body }) => `${direction} ${body.slice(0, 12)}`),
    answered: conversation?.answeredSeq === conversation?.inboundSeq,
    sends: messages.flatMap((message) =>
      message.direction === "outbound" ? [`${message.status}, attempts ${message.attempts}`] : [],
    ),
  };
}

/** A second answer to the first text would have to leave before the answer to the next one. */
async function answersOnlyTheNext({ emulator, sent }: Surroundings) {
  await emulator.text({ from: PERSON, to: OURS, body: "Thanks" });
  await expect.poll(() => sent().length, POLL).toBeGreaterThan(1);
  expect(sent().slice(1)).toEqual([{ from: OURS, to: PERSON, body: expect.stringContaining("You are welcome!") }]);
}

it("answers a text once when the server is killed right after the webhook's 200", async () => {
  await using around = await surroundings();
  await using first = await runExample(around.env);
  const { sid, response } = await around.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
  const exitCode = await first.end("SIGKILL");
  expect([response?.status, exitCode, around.sent()]).toEqual([200, null, []]);

  await using second = await runExample(around.env);
  await expect
    .poll(() => stateOf(second), POLL)
    .toEqual({ texts: ["inbound Hello!", "outbound Hello! This "], answered: true, sends: ["delivered, attempts 1"] });
  expect(around.sent()).toEqual([{ from: OURS, to: PERSON, body: expect.stringContaining("offline demo") }]);

  // The provider may doubt what it heard from a server that died, and bring the text again.
  expect((await around.emulator.redeliver(sid))?.status).toBe(200);
  await answersOnlyTheNext(around);
});

it("answers a typed text once when the server is killed right after its 201", async () => {
  await using around = await surroundings();
  await using first = await runExample(around.env);
  const typed = { id: "click-1", from: PERSON, body: "Hello!" };
  const { message } = await first.call("/messages", typed);
  await first.end("SIGKILL");

  await using second = await runExample(around.env);
  expect((await second.call("/messages", typed)).message.id).toBe(message.id);
  await expect.poll(() => stateOf(second), POLL).toMatchObject({ answered: true, sends: ["delivered, attempts 1"] });
  expect(around.sent()).toHaveLength(1);
});

it("sends no second SMS when the server is killed while the provider takes the first one", async () => {
  await using around = await surroundings({ statuses: "manual" });
  await using first = await runExample(around.env);
  around.emulator.faults.next({ kind: "hang" });
  const taken = new Promise<string>((resolve) => {
    around.emulator.onMessage(({ direction, sid }) => {
      if (direction === "inbound") return;
      // The provider has it in its books, and no answer of it ever leaves.
      void first.end("SIGKILL").then(() => resolve(sid));
    });
  });
  await around.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
  const sid = await taken;

  await using second = await runExample(around.env);
  await around.emulator.report(sid, "delivered");
  await expect.poll(() => stateOf(second), POLL).toMatchObject({ answered: true, sends: ["delivered, attempts 1"] });
  await answersOnlyTheNext(around);
});
