import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Example, OURS, PERSON, runExample, type Surroundings, surroundings } from "./example.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** As fetch, but for headers that fetch keeps to itself: Host, Origin, Sec-Fetch-Site. */
async function call(
  url: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: body === undefined ? "GET" : "POST", headers }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const JSON_BODY = { "content-type": "application/json" };

describe("the Express example, asked by another site in a browser on this machine", () => {
  let around: Surroundings;
  let example: Example;
  let conversation: string;
  let port: string;
  const paused = async () => (await example.call(`/conversations/${conversation}/messages`)).conversation.paused;

  beforeAll(async () => {
    around = await surroundings();
    example = await runExample({ ...around.env, WEBHOOK_URL: "https://sms.example.com/api/webhooks/sms" });
    port = new URL(example.url).port;
    const { message } = await example.call("/messages", { from: PERSON, body: "Hello!" });
    conversation = message.conversationId;
  });
  afterAll(async () => {
    await example[Symbol.asyncDispose]();
    await around[Symbol.asyncDispose]();
  });

  it.each([
    ["/", undefined],
    ["/app.js", undefined],
    ["/api/info", undefined],
    ["/api/conversations", undefined],
    ["/api/messages", JSON.stringify({ from: PERSON, body: "Hi" })],
    ["/socket.io/?EIO=4&transport=polling", undefined],
  ])("does not answer %s under a name that was pointed at this machine", async (path, body) => {
    for (const host of [`evil.example:${port}`, "evil.example", `127.0.0.1.evil.example:${port}`, "localhost.evil"]) {
      const headers = { ...JSON_BODY, host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
      const answer = await call(example.url + path, headers, body);
      expect(answer.status, host).toBe(403);
      expect(answer.body, host).not.toContain(PERSON);
    }
  });

  it.each(["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])("answers to %s", async (name) => {
    expect((await call(`${example.url}/api/info`, { host: `${name}:${port}` })).status).toBe(200);
    expect((await call(example.url, { host: name })).status).toBe(200);
  });

  it("answers no more than the webhook under the host name of WEBHOOK_URL", async () => {
    const host = "sms.example.com";
    for (const path of ["/", "/api/conversations", "/api/info"]) {
      expect((await call(example.url + path, { host })).status, path).toBe(403);
    }
    const webhook = await call(
      `${example.url}/api/webhooks/sms`,
      { host, "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "bm90IGl0" },
      new URLSearchParams({ From: PERSON, To: OURS, Body: "forged" }).toString(),
    );
    expect([webhook.status, webhook.body]).toEqual([403, expect.stringContaining("webhook_rejected")]);
  });

  it.each([
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "x=1", 415],
    ["a form that looks like text", { "content-type": "text/plain" }, '{"a":1}', 415],
    ["nothing", {}, "", 415],
    ["JSON of another site", { ...JSON_BODY, "sec-fetch-site": "cross-site", origin: "https://a.example" }, "{}", 403],
    ["JSON of another port", { ...JSON_BODY, "sec-fetch-site": "same-site" }, "{}", 403],
    ["JSON of another site in an old browser", { ...JSON_BODY, origin: "https://evil.example" }, "{}", 403],
    ["JSON of a sandboxed frame in an old browser", { ...JSON_BODY, origin: "null" }, "{}", 403],
  ])("pauses nothing by %s", async (_, headers, body, status) => {
    const answer = await call(`${example.url}/api/conversations/${conversation}/pause`, headers, body);
    expect([answer.status, await paused()]).toEqual([status, false]);
  });

  it("lets no other site read an answer, a browser guess its type, or a cache keep it", async () => {
    const foreign = await call(`${example.url}/api/conversations`, { "sec-fetch-site": "cross-site" });
    expect([foreign.status, foreign.body]).toEqual([403, expect.stringContaining("cross_site")]);
    const own = await call(`${example.url}/api/conversations`, { "sec-fetch-site": "same-origin" });
    expect(own.status).toBe(200);
    for (const { headers } of [foreign, own]) {
      expect(headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    }
  });

  it("lets no browser guess the type of what a foreign host is refused with, nor a cache keep it", async () => {
    const { status, headers } = await call(example.url, { host: "evil.example" });
    expect(status).toBe(403);
    expect(headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
  });

  it("takes a visitor who follows another site's link to the page", async () => {
    expect((await call(example.url, { "sec-fetch-site": "cross-site" })).status).toBe(200);
  });
});

describe("the Express example's own names", () => {
  it("answer to HOST as well", async () => {
    await using example = await runExample({ HOST: "127.0.0.2" });
    const { port } = new URL(example.url);
    const url = `http://127.0.0.2:${port}/api/info`;
    expect((await call(url)).status).toBe(200);
    expect((await call(url, { host: `127.0.0.3:${port}` })).status).toBe(403);
  });

  it("say at the start that WEBHOOK_URL leads to no webhook", async () => {
    await using around = await surroundings();
    await using wrong = await runExample({ ...around.env, WEBHOOK_URL: "https://example.com/webhook?x=1" });
    expect(wrong.output()).toMatch(/WEBHOOK_URL leads to \/webhook, .*at \/api\/webhooks\/sms: correct WEBHOOK_URL/);
    await using right = await runExample({ ...around.env, WEBHOOK_URL: "https://example.com/api/webhooks/sms/" });
    expect(right.output()).not.toContain("leads to");
  });
});
