import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { OURS, PERSON } from "./example.ts";
import { type Edge, runWorker, SECRET, unable } from "./hono-worker.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const POLL = { timeout: 20_000, interval: 100 };
const ANSWERED = "ai: delivered";

let people = 0;
/** A number that no other test has. */
function someone(): string {
  people += 1;
  return `+1234568${String(people).padStart(4, "0")}`;
}

describe.skipIf(unable !== null)(`the Worker example in workerd${unable === null ? "" : ` (${unable})`}`, () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await runWorker();
  });
  afterAll(() => edge?.[Symbol.asyncDispose]());
  beforeEach(() => edge.forget());

  const textsWith = async (person: string) => (await edge.conversationWith(person)).texts;

  it("answers what was typed by one SMS from the owned number, and sends nothing from the person's", async () => {
    const typed = { id: crypto.randomUUID(), from: PERSON, body: "Hello!" };
    const { status, message } = await edge.call("/messages", typed);
    expect([status, message.direction, message.from, message.to]).toEqual([201, "inbound", PERSON, OURS]);
    expect((await edge.call("/messages", typed)).message.id).toBe(message.id);

    await expect.poll(() => textsWith(PERSON), POLL).toEqual(["Hello!", ANSWERED]);
    expect(edge.sentTo(PERSON)).toEqual([expect.stringContaining("offline demo")]);
    expect(edge.emulator.messages.map(({ from }) => from)).toEqual([OURS]);
  });

  it("stores and answers a signed webhook, and takes it once however often it comes", async () => {
    const person = someone();
    const { sid, response } = await edge.emulator.text({ from: person, to: OURS, body: "Thanks" });
    expect([response?.status, response?.body]).toEqual([200, expect.stringMatching(/<Response ?\/>/)]);
    await expect.poll(() => textsWith(person), POLL).toEqual(["Thanks", ANSWERED]);

    expect((await edge.emulator.redeliver(sid))?.status).toBe(200);
    await edge.cron();
    expect(await textsWith(person)).toEqual(["Thanks", ANSWERED]);
    expect(edge.sentTo(person)).toHaveLength(1);
  });

  it("refuses a forged webhook, and says so", async () => {
    const person = someone();
    const forged = await fetch(`${edge.url}/webhooks/sms`, {
      method: "POST",
      headers: { "x-twilio-signature": "bm90IGl0" },
      body: new URLSearchParams({ MessageSid: `SM${"0".repeat(32)}`, From: person, To: OURS, Body: "forged" }),
    });
    expect(forged.status).toBe(403);
    expect(await textsWith(person)).toEqual([]);
    await expect.poll(edge.complaints, POLL).toMatch(/signature/i);
  });

  it("honours STOP: nothing more is sent, for any caller", async () => {
    const person = someone();
    await edge.emulator.text({ from: person, to: OURS, body: "Hi" });
    await expect.poll(() => textsWith(person), POLL).toEqual(["Hi", ANSWERED]);
    const before = edge.sentTo(person).length;
    await edge.emulator.text({ from: person, to: OURS, body: "STOP" });

    const refused = await edge.call("/send", { key: "after-stop", to: person, body: "Your table is ready." });
    expect([refused.status, refused.error.code]).toEqual([409, "opted_out"]);
    await edge.emulator.text({ from: person, to: OURS, body: "Are you there?" });
    await edge.cron();
    expect((await textsWith(person)).filter((text) => text.startsWith("ai:"))).toEqual([ANSWERED]);
    expect(
      edge.emulator.requests.filter(({ method, params }) => method === "POST" && params.To === person),
    ).toHaveLength(before);
  });

  it("sends for the service, once for each key", async () => {
    const person = someone();
    const order = { key: `order-${person}`, to: person, body: "Your table is ready." };
    const first = await edge.call("/send", order);
    const second = await edge.call("/send", order);
    expect([first.status, second.message.id]).toEqual([201, first.message.id]);
    await expect.poll(() => textsWith(person), POLL).toEqual(["api: delivered"]);
    expect(edge.sentTo(person)).toEqual(["Your table is ready."]);
  });

  it("pages through conversations and messages by cursors, with none twice and none left out", async () => {
    for (const person of [someone(), someone(), someone()]) {
      await edge.call("/send", { key: `page-${person}`, to: person, body: "One" });
      await edge.call("/send", { key: `page-${person}-2`, to: person, body: "Two" });
    }
    const all = (await edge.call("/conversations?limit=1000")).conversations.map(({ id }) => id);
    const paged: string[] = [];
    for (let cursor: unknown = ""; cursor !== null; ) {
      const after = cursor === "" ? "" : `&after=${encodeURIComponent(String(cursor))}`;
      const page = await edge.call(`/conversations?limit=2${after}`);
      paged.push(...page.conversations.map(({ id }) => id));
      cursor = page.cursor;
    }
    expect(paged).toEqual(all);

    const path = `/conversations/${all[0]}/messages`;
    const oldest = await edge.call(`${path}?after=0&limit=1`);
    const next = await edge.call(`${path}?after=${oldest.cursor}&limit=1`);
    expect([...oldest.messages, ...next.messages].map(({ body }) => body)).toEqual(["One", "Two"]);
    const newest = await edge.call(`${path}?limit=1`);
    const before = await edge.call(`${path}?before=${newest.cursor}&limit=1`);
    expect([...newest.messages, ...before.messages].map(({ body }) => body)).toEqual(["Two", "One"]);
    expect((await edge.call(path)).cursor).toBeNull();
  });

  it.each([
    ["GET", "/info", ""],
    ["POST", "/messages", "Bearer wrong"],
    ["POST", "/send", `Basic ${SECRET}`],
    ["GET", "/conversations", `Bearer ${SECRET}x`],
    ["GET", "/conversations/c1/messages", "Bearer"],
    ["GET", "/conversations/c1/events", `Bearer ${SECRET.slice(1)}`],
    ["POST", "/session", ""],
  ])("opens %s %s only with the secret", async (method, path, authorization) => {
    const response = await fetch(edge.url + path, { method, headers: { authorization } });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await response.text()).not.toContain(SECRET);
    await expect.poll(edge.complaints, POLL).toContain("must show the Worker's API_SECRET");
  });

  it.each([
    ["an unknown path", "GET", "/nothing", {}, 404, "not_found", "There is nothing at this path"],
    ["a wrong method", "DELETE", "/messages", {}, 405, "wrong_method", "must use POST"],
    ["a wrong method at the webhook", "PUT", "/webhooks/sms", {}, 405, "webhook_rejected", "PUT"],
    ["a body over the limit", "POST", "/messages", { body: `"${"x".repeat(40_000)}"` }, 413, "too_large", "32 kB"],
    ["broken JSON", "POST", "/messages", { body: '{"from":' }, 400, "broken_json", "not JSON"],
    ["JSON that is not an object", "POST", "/send", { body: "[1]" }, 400, "broken_json", "not an object"],
    ["no JSON at all", "POST", "/send", { body: "a=b", type: "text/plain" }, 415, "not_json", "application/json"],
    [
      "no key",
      "POST",
      "/send",
      { body: `{"to":"${PERSON}","body":"Hi"}` },
      400,
      "invalid_message",
      "key: give a string",
    ],
    [
      "a number that is none",
      "POST",
      "/messages",
      { body: '{"from":"12","body":"Hi"}' },
      400,
      "invalid_address",
      "E.164",
    ],
    ["a position that is none", "GET", "/conversations?limit=many", {}, 400, "invalid_options", "whole number"],
    ["no such conversation", "GET", "/conversations/c1/messages", {}, 404, "not_found", "no such conversation"],
  ])(
    "answers %s clearly, and logs who must do what",
    async (_, method, path, { body, type }: { body?: string; type?: string }, status, code, words) => {
      const response = await fetch(edge.url + path, {
        method,
        headers: { authorization: `Bearer ${SECRET}`, "content-type": type ?? "application/json" },
        ...(body === undefined ? {} : { body }),
      });
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      expect([response.status, error.code]).toEqual([status, code]);
      expect(error.message).not.toBe("");
      await expect.poll(edge.complaints, POLL).toContain(words);
      expect(edge.complaints()).not.toContain(SECRET);
    },
  );
});
