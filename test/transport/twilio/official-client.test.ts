import nock from "nock";
import createClient from "twilio";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SendRequest, Transport } from "../../../src/transport/transport.ts";
import { twilio } from "../../../src/transport/twilio/twilio.ts";
import { ACCOUNT, API, common, MESSAGES, request, SERVICE, TOKEN, WEBHOOK } from "./rest-scene.ts";

async function seenFrom(transport: Transport, changes: Partial<SendRequest>): Promise<unknown> {
  const seen: { form?: unknown; authorization?: string } = {};
  nock(API)
    // nock decodes a form, and folds a repeated name into a list.
    .post(MESSAGES, (form) => {
      seen.form = form;
      return true;
    })
    .matchHeader("authorization", (value) => {
      seen.authorization = String(value);
      return true;
    })
    .reply(201, { sid: "SM1", status: "queued" });
  expect(await transport.send({ ...request, ...changes })).toMatchObject({
    kind: "accepted",
    providerMessageId: "SM1",
  });
  return seen;
}

describe("with the official client", () => {
  const client = createClient(ACCOUNT, TOKEN);
  const viaClient = twilio({ client, authToken: TOKEN, webhookUrl: WEBHOOK });
  const viaFetch = twilio(common);
  beforeEach(() => nock.disableNetConnect());
  afterEach(() => {
    nock.cleanAll();
    nock.enableNetConnect();
  });

  it.each<[string, Partial<SendRequest>]>([
    ["a text", {}],
    ["characters that need escaping", { body: "a+b=c&d%20 \n é '\"* 🙂" }],
    [
      "two pictures",
      { body: "", media: [1, 2].map((n) => ({ url: `https://example.com/${n}?a=b&c`, contentType: "" })) },
    ],
    ["a validity period", { validityMs: 300_000 }],
    ["a Messaging Service", { line: SERVICE }],
    ["a Messaging Service alone", { line: SERVICE, from: SERVICE }],
  ])("sends the same method, URL, credentials and parameters for %s", async (_, changes) => {
    const byFetch = await seenFrom(viaFetch, changes);
    expect(await seenFrom(viaClient, changes)).toEqual(byFetch);
    expect(byFetch).toMatchObject({ form: { To: request.to }, authorization: expect.stringMatching(/^Basic /) });
  });

  it.each([
    [400, { code: 21610, message: "+12345678900", status: 400, more_info: "" }],
    [401, { code: 20003, message: "Authenticate", status: 401, more_info: "" }],
    [429, { code: 20429, message: "Too Many", status: 429 }],
    [422, { type: "t", title: "T", status: 422, code: 20001 }],
    [400, "<html>"],
    [500, { code: 20500, status: 500 }],
    [503, ""],
    [201, "{ cut"],
    [201, {}],
  ])("judges HTTP %i with %j alike", async (status, body) => {
    nock(API).post(MESSAGES).times(2).reply(status, body);
    expect(await viaClient.send(request)).toEqual(await viaFetch.send(request));
  });

  it.each(["ECONNREFUSED", "ENOTFOUND", "ECONNRESET"])("judges %s alike", async (code) => {
    nock(API)
      .post(MESSAGES)
      .times(2)
      .replyWithError(Object.assign(new Error(code), { code }));
    const [one, other] = [await viaClient.send(request), await viaFetch.send(request)];
    expect(one).toEqual(other);
    expect(one.kind).toBe(code === "ECONNRESET" ? "unknown" : "refused");
  });

  it("gives up waiting for the client after timeoutMs", async () => {
    const stuck = {
      accountSid: ACCOUNT,
      messages: { create: () => new Promise<never>(() => {}) },
      request: async () => ({}),
    };
    const transport = twilio({ client: stuck, authToken: TOKEN, webhookUrl: WEBHOOK, timeoutMs: 1 });
    expect((await transport.send(request)).kind).toBe("unknown");
  });

  it("lists through the client", async () => {
    nock(API)
      .get(/IncomingPhoneNumbers\.json/)
      .reply(200, { incoming_phone_numbers: [], next_page_uri: null });
    nock(API)
      .get(/ShortCodes\.json/)
      .reply(200, { short_codes: [{ short_code: "384387", sms_url: null }] });
    expect(await viaClient.senders()).toEqual([{ address: "384387", capabilities: ["sms"], webhookUrl: "" }]);
  });
});
