import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  delivered,
  type Example,
  freePort,
  OURS,
  PERSON,
  runExample,
  type Surroundings,
  surroundings,
} from "./example.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const POLL = { timeout: 20_000, interval: 50 };

describe("the Express example, with a provider outside of it", () => {
  let around: Surroundings;
  let example: Example;
  beforeAll(async () => {
    around = await surroundings();
    example = await runExample(around.env);
  });
  afterAll(async () => {
    await example[Symbol.asyncDispose]();
    await around[Symbol.asyncDispose]();
  });

  const messagesOf = async (conversationId: string) =>
    (await example.call(`/conversations/${conversationId}/messages?after=0`)).messages;

  it("answers what was typed by one SMS from the owned number, and sends nothing from the person's", async () => {
    const id = crypto.randomUUID();
    const { status, message } = await example.call("/messages", { id, from: PERSON, body: "Hello!" });
    expect([status, message.direction, message.from, message.to]).toEqual([201, "inbound", PERSON, OURS]);
    const again = await example.call("/messages", { id, from: PERSON, body: "Hello!" });
    expect(again.message.id).toBe(message.id);

    await expect.poll(async () => delivered(await messagesOf(message.conversationId)), POLL).toHaveLength(1);
    expect(around.sent()).toEqual([{ from: OURS, to: PERSON, body: expect.stringContaining("offline demo") }]);
    expect(around.emulator.messages.filter(({ from }) => from === PERSON)).toEqual([]);
    const { conversations } = await example.call("/conversations");
    expect(conversations).toMatchObject([
      { id: message.conversationId, participant: PERSON, lastMessage: { direction: "outbound", origin: "ai" } },
    ]);
  });

  it("stores and answers a signed webhook, and refuses an unsigned one", async () => {
    const from = "+12345678901";
    const { response } = await around.emulator.text({ from, to: OURS, body: "Is there a table?" });
    expect([response?.status, response?.body]).toEqual([200, expect.stringMatching(/<Response ?\/>/)]);
    await expect.poll(() => around.sent().filter(({ to }) => to === from), POLL).toHaveLength(1);

    const forged = await fetch(`${example.url}/api/webhooks/sms`, {
      method: "POST",
      headers: { "x-twilio-signature": "bm90IGl0" },
      body: new URLSearchParams({ MessageSid: "SM1", From: from, To: OURS, Body: "forged" }),
    });
    expect(forged.status).toBe(403);
  });

  it("keeps the AI silent while a person has taken over", async () => {
    const from = "+12345678902";
    await around.emulator.text({ from, to: OURS, body: "Hi" });
    const toThem = () => around.sent().filter(({ to }) => to === from);
    await expect.poll(toThem, POLL).toHaveLength(1);
    const { conversations } = await example.call("/conversations");
    const id = conversations.find(({ participant }) => participant === from)?.id ?? "";

    expect((await example.call(`/conversations/${id}/pause`, {})).conversation.paused).toBe(true);
    await around.emulator.text({ from, to: OURS, body: "Anybody there?" });
    const { status, message } = await example.call(`/conversations/${id}/messages`, { body: "Ada here." });
    expect([status, message.direction === "outbound" && message.origin]).toEqual([201, "operator"]);
    await expect.poll(toThem, POLL).toHaveLength(2);

    expect((await example.call(`/conversations/${id}/resume`, {})).conversation.paused).toBe(false);
    await around.emulator.text({ from, to: OURS, body: "Thanks" });
    await expect.poll(toThem, POLL).toHaveLength(3);
    expect(toThem().map(({ body }) => body)).toEqual([
      expect.stringContaining("offline demo"),
      "Ada here.",
      expect.stringContaining("You are welcome!"),
    ]);
  });

  it.each([
    ["a number that is none", { from: "12", body: "Hi" }, 400, "invalid_address", "write it in E.164"],
    ["no number", { body: "Hi" }, 400, "invalid_address", "from is missing"],
    ["no text", { from: PERSON, body: "  " }, 400, "invalid_message", "is empty"],
    ["one of our own numbers", { from: OURS, body: "Hi" }, 400, "sender_as_participant", "one of your own senders"],
    ["a number that is not ours", { from: PERSON, to: "+12345678999", body: "Hi" }, 400, "unknown_sender", "senders"],
    ["a body that is not a text", { from: PERSON, body: 7 }, 400, "invalid_message", "body must be a text"],
  ])("names the mistake for %s", async (_, body, status, code, words) => {
    const answer = await example.call("/messages", body);
    expect([answer.status, answer.error.code]).toEqual([status, code]);
    expect(answer.error.message).toContain(words);
  });

  it("says what is not there", async () => {
    for (const [path, body] of [
      ["/conversations/nope/messages", undefined],
      ["/conversations/nope/pause", {}],
      ["/nothing", undefined],
    ] as const) {
      const answer = await example.call(path, body);
      expect([answer.status, answer.error.code], path).toEqual([404, "not_found"]);
    }
  });

  it("lets nothing but its own scripts run on the page, and no other site's page read along", async () => {
    const page = await fetch(example.url);
    expect([page.status, page.headers.get("content-security-policy")]).toEqual([
      200,
      expect.stringContaining("default-src 'none'; script-src 'self'"),
    ]);
    const polling = `${example.url}/socket.io/?EIO=4&transport=polling`;
    expect((await fetch(polling)).status).toBe(200);
    expect((await fetch(polling, { headers: { origin: "https://elsewhere.example" } })).status).toBe(403);
  });

  it("logs each text with masked numbers, and no text", () => {
    const output = example.output();
    expect(output).toContain("User message stored (simulated as incoming from +1234…00 to +1570…09)");
    expect(output).toMatch(/AI SMS sent via Twilio: SM[0-9a-f]{32}/);
    expect(output).toContain("SMS received from +1234…01");
    expect(output).not.toContain("+1234567890");
    expect(output).not.toContain("Is there a table?");
  });
});

describe("the Express example, with nothing set up", () => {
  it("runs on the emulator, and the phone of the demo can text back", async () => {
    await using example = await runExample({});
    const { message } = await example.call("/messages", { from: PERSON, body: "Hello!" });
    const phone = `/phone/${encodeURIComponent(PERSON)}/messages`;
    await expect.poll(async () => (await example.call(phone)).messages, POLL).toMatchObject([{ side: "theirs" }]);
    expect((await example.call(phone, { to: OURS, body: "Bye" })).status).toBe(201);
    await expect
      .poll(async () => (await example.call(phone)).messages, POLL)
      .toMatchObject([{ side: "theirs" }, { side: "mine", body: "Bye" }, { side: "theirs" }]);
    const { messages } = await example.call(`/conversations/${message.conversationId}/messages?after=0`);
    expect(messages.map(({ origin }) => origin)).toEqual(["simulated", "ai", "webhook", "ai"]);
  });

  it("shows the page on a second port, and takes the next free port where one is taken", async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    await using example = await runExample({ PORT: String(port), UI_PORT: String(await freePort()) });
    other.close();
    const urls = [...example.output().matchAll(/http:\/\/localhost:(\d+)(?: |$)/gm)].map(([url]) => url.trim());
    expect(urls).toHaveLength(2);
    expect(new URL(urls[0] ?? "").port).not.toBe(String(port));
    for (const url of urls) expect(await (await fetch(url)).text()).toContain("<title>Conversations");
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends cleanly on %s, with a text on its way", async (signal) => {
    await using example = await runExample({});
    await example.call("/messages", { from: PERSON, body: "Hello!" });
    expect(await example.end(signal)).toBe(0);
    expect(example.output()).not.toMatch(/error/i);
  });

  it("does not start on an environment that it cannot use, and names each mistake", async () => {
    const env = { PORT: "no", OWNLINE_STORAGE: "mysql://localhost/x", TWILIO_ACCOUNT_SID: "AC1" };
    await expect(runExample(env)).rejects.toThrow(
      /ended with 1:\nThe server cannot start:\n- PORT is not a port.*\n- OWNLINE_STORAGE is not understood/,
    );
  });
});
