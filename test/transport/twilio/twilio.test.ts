import nodeCrypto from "node:crypto";
import createClient from "twilio";
import { describe, expect, it, vi } from "vitest";
import { isOwnlineError } from "../../../src/errors.ts";
import type { ReceivedWebhook, WebhookRejection, WebhookRequest } from "../../../src/transport/transport.ts";
import { signRequest, type TwilioClient, type TwilioOptions, twilio } from "../../../src/transport/twilio/twilio.ts";
import inboundVectors from "../../vectors/inbound.json" with { type: "json" };
import refusedVectors from "../../vectors/inbound-refused.json" with { type: "json" };

const ACCOUNT = `AC${"a".repeat(32)}`;
const TOKEN = "the-primary-token";
const PUBLIC = "https://example.com/api/webhooks/sms";
const INSIDE = "http://127.0.0.1:3000/api/webhooks/sms";
const FORM = "application/x-www-form-urlencoded";

const common = { accountSid: ACCOUNT, authToken: TOKEN, webhookUrl: `${PUBLIC}#rc=5&rp=all` };
const SID = `SM${"1".repeat(32)}`;
const text = { MessageSid: SID, AccountSid: ACCOUNT, From: "+12345678900", To: "+15703251809", Body: "Hi é" };

interface Call {
  /** What Twilio called and signed. */
  readonly signed: string;
  /** What the server saw; by default behind a proxy, with the same query. */
  readonly url?: string;
  readonly method?: string;
  readonly params?: Record<string, string>;
  readonly authToken?: string;
  readonly headers?: Record<string, string>;
}

async function call({
  signed,
  url,
  method = "POST",
  params = text,
  authToken = TOKEN,
  headers,
}: Call): Promise<WebhookRequest> {
  const get = method === "GET";
  const query = signed.includes("?") ? signed.slice(signed.indexOf("?")) : "";
  const signature = await signRequest({ authToken, url: signed, ...(get ? {} : { params }) });
  return {
    method,
    url: url ?? INSIDE + query,
    headers: new Headers({
      "X-Twilio-Signature": signature,
      ...(get ? {} : { "Content-Type": `${FORM}; charset=UTF-8` }),
      ...headers,
    }),
    body: get ? "" : new URLSearchParams(params).toString(),
  };
}

async function received(options: Call, changes: Partial<TwilioOptions> = {}): Promise<ReceivedWebhook> {
  const transport = twilio({ ...common, ...changes } as TwilioOptions);
  return transport.receive(await call(options));
}

function rejected(result: ReceivedWebhook): WebhookRejection {
  if (result.kind !== "rejected") throw new Error(`it was not rejected but ${result.kind}`);
  return result;
}

function mistakesOf(options: unknown): string {
  try {
    twilio(options as TwilioOptions);
  } catch (error) {
    if (!isOwnlineError(error) || error.code !== "invalid_options") throw error;
    return error.message;
  }
  return "";
}

const status = (params: Record<string, string>, query = "?ownline=out_1.x.2"): Promise<ReceivedWebhook> =>
  received({
    signed: PUBLIC + query,
    params: { MessageSid: SID, AccountSid: ACCOUNT, From: "+15703251809", ...params },
  });

describe("the options", () => {
  it("takes credentials that may be undefined, and names every one that is", () => {
    const env: Record<string, string | undefined> = {};
    const options: TwilioOptions = {
      accountSid: env.TWILIO_ACCOUNT_SID,
      authToken: env.TWILIO_AUTH_TOKEN,
      webhookUrl: env.WEBHOOK_URL,
      apiKeySid: "SK1",
      apiKeySecret: env.TWILIO_API_KEY_SECRET,
    };
    const lines = mistakesOf(options).split("\n").slice(1);
    expect(lines.map((line) => line.split(" ")[1])).toEqual(["authToken", "webhookUrl", "accountSid", "apiKeySecret"]);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ accountSid: "SK123" }, /accountSid is an API key's SID/],
    [{ accountSid: "12345" }, /accountSid is not an account SID/],
    [{ authToken: "" }, /authToken is empty/],
    [{ authToken: " x" }, /authToken has spaces/],
    [{ authToken: [] }, /authToken is an empty list/],
    [{ authToken: ["a", undefined] }, /authToken\[1\] is missing/],
    [{ apiKeySecret: "s" }, /apiKeySid is missing/],
    [{ apiKeySid: "SK1", apiKeySecret: "" }, /apiKeySecret is missing/],
    [{ apiKeySid: "AC1", apiKeySecret: "s" }, /apiKeySid is not an API key/],
    [{ webhookUrl: "/api/webhooks/sms" }, /webhookUrl is not an http or https URL/],
    [{ webhookUrl: "ftp://example.com/" }, /webhookUrl is not an http or https URL/],
    [{ webhookUrl: "https://my_host.example.com/" }, /underscore/],
    [{ webhookUrl: `${PUBLIC}?ownline=1` }, /ownline in its query/],
    [{ apiUrl: "api.twilio.com" }, /apiUrl must be/],
    [{ apiUrl: "https://api.twilio.com?x=1" }, /apiUrl must be/],
    [{ apiUrl: "https://user@api.twilio.com" }, /apiUrl contains a user name/],
    [{ apiUrl: "https://:s3cret@api.twilio.com" }, /apiUrl contains a user name/],
    [{ apiUrl: "http://user:s3cret@127.0.0.1:4010", unsafeHttpApiUrl: true }, /apiUrl contains a user name/],
    [{ apiUrl: "http://emulator:4010" }, /apiUrl is http:.*unsafeHttpApiUrl: true/],
    [{ apiUrl: "HTTP://API.TWILIO.COM" }, /apiUrl is http:/],
    [{ apiUrl: "http://10.0.0.1" }, /apiUrl is http:/],
    [{ apiUrl: "http://127.0.0.1.evil.example" }, /apiUrl is http:/],
    [{ apiUrl: "http://localhost.evil.example" }, /apiUrl is http:/],
    [{ apiUrl: "http://[::2]:4010" }, /apiUrl is http:/],
    [{ apiUrl: "http://0.0.0.0:4010" }, /apiUrl is http:/],
    [{ apiUrl: "http://emulator:4010", unsafeHttpApiUrl: "yes" }, /unsafeHttpApiUrl must be true or false/],
    [{ apiUrl: "ftp://emulator", unsafeHttpApiUrl: true }, /apiUrl must be/],
    [{ timeoutMs: 0 }, /timeoutMs/],
    [{ timeoutMs: 1.5 }, /timeoutMs/],
    [{ trustForwardedHeaders: "yes" }, /trustForwardedHeaders/],
    [{ fetch: 1 }, /fetch must be a function/],
    [{ authtoken: "x" }, /authtoken is not an option/],
    [{ webhookurl: "x" }, /webhookurl is not an option/],
    [{ accounts: {} }, /accounts works only together with account/],
    [{ client: {} }, /client must be a client of the package twilio/],
  ])("refuses %j", (changes, message) => {
    expect(mistakesOf({ ...common, ...changes })).toMatch(message);
  });

  it("refuses credentials beside a client, and a client without a token for the signatures", () => {
    const client = createClient(ACCOUNT, TOKEN);
    expect(mistakesOf({ client, ...common })).toMatch(/accountSid cannot be given together with client/);
    expect(mistakesOf({ client, webhookUrl: PUBLIC })).toMatch(/authToken is missing/);
  });

  it("never shows a secret in what it refuses", () => {
    const message = mistakesOf({
      ...common,
      accountSid: "12345",
      authToken: " s3cret",
      apiKeySecret: "s3cret",
      apiUrl: "http://s3cret@x",
    });
    expect(message).not.toBe("");
    expect(message).not.toMatch(/s3cret|12345/);
  });

  it.each([
    "https://api.dublin.ie1.twilio.com",
    "http://localhost:4010",
    "http://twilio.localhost:4010/base/",
    "http://127.0.0.1:4010",
    "http://127.1.2.3",
    "http://[::1]:4010",
  ])("takes %s as apiUrl", (apiUrl) => {
    expect(mistakesOf({ ...common, apiUrl })).toBe("");
  });

  it("takes http: to another machine by its loud option alone", () => {
    expect(mistakesOf({ ...common, apiUrl: "http://emulator:4010", unsafeHttpApiUrl: true })).toBe("");
    const client = createClient(ACCOUNT, TOKEN);
    expect(mistakesOf({ client, authToken: TOKEN, webhookUrl: PUBLIC, unsafeHttpApiUrl: true })).toMatch(
      /unsafeHttpApiUrl cannot be given together with client/,
    );
  });

  it("takes an official client as it is", () => {
    const client: TwilioClient = createClient(ACCOUNT, TOKEN);
    expect(twilio({ client, authToken: TOKEN, webhookUrl: PUBLIC }).name).toBe("twilio");
  });
});

describe("what arrives", () => {
  it("is read when Twilio signed the configured URL, also where the server saw another", async () => {
    const expected = {
      kind: "inbound",
      message: {
        key: `${ACCOUNT}:${SID}`,
        providerMessageId: SID,
        from: "+12345678900",
        to: "+15703251809",
        service: null,
        body: "Hi é",
        media: [],
        optOut: null,
        occurredAt: null,
      },
    };
    expect(await received({ signed: PUBLIC })).toEqual(expected);
    expect(await received({ signed: PUBLIC, url: "http://10.0.0.1/quite/another/path" })).toEqual(expected);
    const params = { method: "GET", signed: `${PUBLIC}?${new URLSearchParams(text)}` };
    expect(await received(params)).toEqual(expected);
  });

  it("keeps the query of the configured URL, whether or not a proxy does", async () => {
    const webhookUrl = `${PUBLIC}?tenant=7`;
    expect((await received({ signed: webhookUrl }, { webhookUrl })).kind).toBe("inbound");
    expect((await received({ signed: webhookUrl, url: INSIDE }, { webhookUrl })).kind).toBe("inbound");
  });

  it("may be signed with any of the tokens, and with no other", async () => {
    const authToken = ["new", "old"];
    expect((await received({ signed: PUBLIC, authToken: "new" }, { authToken })).kind).toBe("inbound");
    expect((await received({ signed: PUBLIC, authToken: "old" }, { authToken })).kind).toBe("inbound");
    expect((await received({ signed: PUBLIC, authToken: "older" }, { authToken })).kind).toBe("rejected");
  });

  it.each(inboundVectors.map((vector) => [vector.notes || vector.kind, vector] as const))(
    "is read: %s",
    async (_, vector) => {
      const headers = { "Content-Type": vector.contentType || FORM };
      const params = new URLSearchParams(vector.rawBody);
      const signature = await signRequest({ authToken: TOKEN, url: PUBLIC, params });
      const result = await twilio(common).receive({
        method: "POST",
        url: INSIDE,
        headers: new Headers({ ...headers, "X-Twilio-Signature": signature }),
        body: vector.rawBody,
      });
      const key = `${params.get("AccountSid")}:${params.get("MessageSid")}`;
      expect(result).toMatchObject(
        params.has("MessageStatus") ? { kind: "status" } : { kind: "inbound", message: { key } },
      );
    },
  );

  it("keeps the Messaging Service, the opt-out and the account of a subaccount", async () => {
    const [sub, service] = [`AC${"b".repeat(32)}`, `MG${"c".repeat(32)}`];
    const params = { ...text, AccountSid: sub, MessagingServiceSid: service, OptOutType: "STOP" };
    expect(await received({ signed: PUBLIC, params })).toMatchObject({
      kind: "inbound",
      message: { key: `${sub}:${SID}`, service, optOut: "STOP" },
    });
  });

  it("is acknowledged but ignored when it is neither a text nor a status", async () => {
    expect((await received({ signed: PUBLIC, params: { CallSid: "CA1" } })).kind).toBe("ignored");
  });

  it.each(refusedVectors.map((vector) => [vector.notes, vector] as const))(
    "is refused with ids that Twilio does not send, though its signature holds: %s",
    async (_, vector) => {
      const params = new URLSearchParams(vector.rawBody);
      const signature = await signRequest({ authToken: TOKEN, url: PUBLIC, params });
      const headers = new Headers({ "Content-Type": FORM, "X-Twilio-Signature": signature });
      const result = rejected(
        await twilio(common).receive({ method: "POST", url: INSIDE, headers, body: vector.rawBody }),
      );
      expect(result.httpStatus).toBe(400);
      expect(result.log).toMatch(/imitate Twilio's API are not supported/);
      const shown = ["From", "To", "Body", "MessageSid", "AccountSid"].flatMap((name) => params.get(name) || []);
      for (const value of shown) expect(result.log).not.toContain(value);
    },
  );

  it("is refused where it is of Conversations, and the log says what to change in the console", async () => {
    const other = { MessageSid: `IM${"1".repeat(32)}`, ConversationSid: `CH${"1".repeat(32)}` };
    const results = [
      await received({ signed: PUBLIC, params: { ...text, ...other } }),
      await received({ signed: PUBLIC, params: { EventType: "onConversationAdded", ...other } }),
      await received({ signed: PUBLIC, params: { ...text, MessageSid: other.MessageSid } }),
    ];
    for (const result of results) {
      expect(rejected(result)).toMatchObject({ httpStatus: 400, log: expect.stringMatching(/Conversations.*console/) });
    }
  });

  it("is believed as JSON only by its hash, and then ignored", async () => {
    const body = '{"a":1}';
    const signedUrl = `${PUBLIC}?bodySHA256=`;
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body))).toString("hex");
    const signature = await signRequest({ authToken: TOKEN, url: signedUrl + hash });
    const headers = new Headers({ "Content-Type": "application/json", "X-Twilio-Signature": signature });
    const request = { method: "POST", url: `${INSIDE}?bodySHA256=${hash}`, headers, body };
    const genuine = await twilio(common).receive(request);
    expect(genuine).toMatchObject({ kind: "ignored", log: expect.stringMatching(/Event Streams.*another URL/) });
    expect(rejected(await twilio(common).receive({ ...request, body: '{"a":2}' })).httpStatus).toBe(403);
    // The hash in the URL must not make a form's parameters unsigned.
    const form = new Headers({ "Content-Type": FORM, "X-Twilio-Signature": signature });
    const forged = { ...request, headers: form, body: new URLSearchParams(text).toString() };
    expect(rejected(await twilio(common).receive(forged)).httpStatus).toBe(403);
  });
});

describe("what is turned away", () => {
  it.each<[string, number, (request: WebhookRequest) => WebhookRequest]>([
    ["another method", 405, (request) => ({ ...request, method: "PUT" })],
    ["a missing signature", 400, (request) => ({ ...request, headers: new Headers({ "Content-Type": FORM }) })],
    [
      "another content type",
      415,
      (request) => ({ ...request, headers: withHeader(request, "Content-Type", "text/plain") }),
    ],
    ["a changed text", 403, (request) => ({ ...request, body: `${request.body}+x` })],
    ["an added parameter", 403, (request) => ({ ...request, body: `${request.body}&OptOutType=START` })],
    ["an added query", 403, (request) => ({ ...request, url: `${request.url}?ownline=other.1` })],
    [
      "another signature",
      403,
      (request) => ({ ...request, headers: withHeader(request, "X-Twilio-Signature", "AAAA") }),
    ],
    ["a GET of a POST's signature", 403, (request) => ({ ...request, method: "GET" })],
    ["a form of 201 parameters", 413, (request) => ({ ...request, body: `${"a&".repeat(200)}a` })],
    ["a query of 201 parameters", 413, (request) => ({ ...request, url: `${request.url}?${"a&".repeat(200)}a` })],
    [
      "201 parameters in query and form together",
      413,
      (request) => ({ ...request, url: `${request.url}?${"a&".repeat(100)}`, body: "a&".repeat(100) }),
    ],
  ])("has an answer of its own for %s: %i", async (_, httpStatus, change) => {
    const result = rejected(await twilio(common).receive(change(await call({ signed: PUBLIC }))));
    expect(result.httpStatus).toBe(httpStatus);
    expect(result.log).not.toBe("");
  });

  it.each<[string, Call, RegExp]>([
    ["a wrong token", { signed: PUBLIC, url: PUBLIC, authToken: "x" }, /authToken is not the primary token/],
    [
      "another account",
      { signed: PUBLIC, authToken: "x", params: { ...text, AccountSid: `AC${"d".repeat(32)}` } },
      /another account/,
    ],
    [
      "another path",
      { signed: "https://example.com/sms", url: "http://127.0.0.1:3000/sms" },
      /path \/sms.*\/api\/webhooks\/sms/,
    ],
    ["a tunnel", { signed: "https://x.loca.lt/api/webhooks/sms" }, /as http:\/\/127\.0\.0\.1:3000.*not webhookUrl/],
  ])("says in the log what was tried, and the likely cause: %s", async (_, options, cause) => {
    const { log, reason } = rejected(await received(options));
    expect(log).toMatch(cause);
    expect(log).toContain(`Tried: ${PUBLIC} `);
    expect(log + reason).not.toMatch(/the-primary-token|\+1234|Hi/);
  });

  it("computes no HMAC for too many parameters", async () => {
    const hmac = vi.spyOn(nodeCrypto, "createHmac");
    const request = await call({ signed: PUBLIC });
    hmac.mockClear();
    await twilio(common).receive({ ...request, body: `${"a&".repeat(200)}a` });
    expect(hmac).not.toHaveBeenCalled();
    await twilio(common).receive(request);
    expect(hmac).toHaveBeenCalled();
  });

  it("reads 200 parameters", async () => {
    const params = { ...text, ...Object.fromEntries(Array.from({ length: 195 }, (_, i) => [`Extra${i}`, "x"])) };
    expect((await received({ signed: PUBLIC, params })).kind).toBe("inbound");
  });

  it("quotes no part of a refused request that could be a number, a text or a secret, and stays short", async () => {
    const long = "x".repeat(20_000);
    const refused = (request: WebhookRequest, changes: Partial<TwilioOptions> = {}) =>
      twilio({ ...common, ...changes } as TwilioOptions).receive(request);
    const request = await call({ signed: "https://elsewhere.example/" });
    const requests: WebhookRequest[] = [
      { ...request, method: long.toUpperCase() },
      ...[
        `http://127.0.0.1/t/+12345678900/${long}`,
        `http://127.0.0.1/t/%2B12345678900/Hi%20Anna/s3cret-1234567890abcdef/${"a/".repeat(5000)}`,
        `http://12345678900.example/api/webhooks/sms`,
        `http://${"a".repeat(60)}.${"b".repeat(60)}/api/webhooks/sms`,
        `${INSIDE}?+12345678900=1&Hi%20Anna=2&${long}=3&a%0Ab=4&${"name=&".repeat(150)}`,
        `${INSIDE}?${Array.from({ length: 150 }, (_, i) => `n${i}`).join("&")}`,
        `data:+12345678900,${long}`,
        long,
      ].map((url) => ({ ...request, url })),
    ];
    const forwarded = new Headers(request.headers);
    forwarded.set("X-Forwarded-Host", `12345678900.example/Hi Anna?${long}`);
    requests.push({ ...request, headers: forwarded });
    const another = new Headers(request.headers);
    another.set("X-Forwarded-Host", "12345678900.example");
    requests.push({ ...request, url: `http://127.0.0.1/t/+12345678900/${long}`, headers: another });
    for (const one of requests) {
      for (const trustForwardedHeaders of [false, true]) {
        const { log, reason } = rejected(await refused(one, { trustForwardedHeaders }));
        expect(log + reason).not.toMatch(/2345678900|Anna|s3cret|xxxxx|aaaaa|\n/);
        expect(log.length).toBeLessThan(1200);
      }
    }
  });

  it("still names the path, the host and the parameters where they are harmless", async () => {
    const { log } = rejected(
      await received({
        method: "GET",
        signed: "https://example.com/sms/in-box?From=1",
        url: `${INSIDE}/x?From=1&MediaUrl10=2`,
      }),
    );
    expect(log).toContain("path /api/webhooks/sms/x,");
    expect(log).toContain("?From=…&MediaUrl10=… ");
  });

  it("shows no credentials, numbers or texts of a URL in the log", async () => {
    const webhookUrl = "https://user:s3cret@example.com/api/webhooks/sms";
    const signed = `https://elsewhere.example/?${new URLSearchParams(text)}`;
    const { log } = rejected(await received({ method: "GET", signed }, { webhookUrl }));
    expect(log).toContain("https://***@example.com/api/webhooks/sms?MessageSid=…&");
    expect(log).not.toMatch(/s3cret|1234|Hi/);
  });

  it("believes forwarded headers only where they are trusted", async () => {
    const tunnel = {
      signed: "https://x.loca.lt/api/webhooks/sms",
      headers: { "X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "x.loca.lt, inner" },
    };
    expect((await received(tunnel)).kind).toBe("rejected");
    expect((await received(tunnel, { trustForwardedHeaders: true })).kind).toBe("inbound");
    expect((await received({ signed: PUBLIC }, { trustForwardedHeaders: true })).kind).toBe("inbound");
  });
});

function withHeader(request: WebhookRequest, name: string, value: string): Headers {
  const headers = new Headers(request.headers);
  headers.set(name, value);
  return headers;
}

describe("a status callback", () => {
  it("comes back to its attempt", async () => {
    expect(await status({ MessageStatus: "delivered", To: "+12345678900" })).toEqual({
      kind: "status",
      callback: {
        outboundId: "out_1.x",
        attempt: 2,
        providerMessageId: SID,
        status: "delivered",
        rawStatus: "delivered",
        error: null,
        optOut: false,
      },
    });
  });

  it.each(["", "?ownline=", "?ownline=x", "?ownline=.1", "?ownline=x.y", "?other=out.1"])(
    "belongs to no attempt of ours with the query %j",
    async (query) => {
      const result = await status({ MessageStatus: "sent" }, query);
      expect(result).toMatchObject({ kind: "status", callback: { outboundId: null, attempt: null } });
    },
  );

  it("takes the attempt from the signed URL, never from the body", async () => {
    const result = await status({ MessageStatus: "sent", ownline: "forged.1" }, "");
    expect(result).toMatchObject({ callback: { outboundId: null } });
  });

  it.each([
    ["accepted", "accepted"],
    ["scheduled", "accepted"],
    ["queued", "accepted"],
    ["sending", "accepted"],
    ["sent", "sent"],
    ["delivered", "delivered"],
    ["read", "delivered"],
    ["partially_delivered", "delivered"],
    ["undelivered", "undelivered"],
    ["failed", "failed"],
    ["canceled", "failed"],
  ])("%s means %s", async (rawStatus, expected) => {
    expect(await status({ MessageStatus: rawStatus })).toMatchObject({ callback: { status: expected, rawStatus } });
  });

  it("ignores a status that is new", async () => {
    expect((await status({ MessageStatus: "teleported" })).kind).toBe("ignored");
  });

  it("says that a failure is temporary where the message was certainly not sent", async () => {
    for (const MessageStatus of ["failed", "undelivered"]) {
      const throttled = await status({ MessageStatus, ErrorCode: "30022" });
      expect(throttled).toMatchObject({ callback: { error: { code: 30022 }, temporary: true } });
    }
    const unreachable = await status({ MessageStatus: "undelivered", ErrorCode: "30003" });
    expect(unreachable).not.toMatchObject({ callback: { temporary: true } });
  });

  it("says why, and that the person has opted out", async () => {
    expect(await status({ MessageStatus: "failed", ErrorCode: "21610" })).toMatchObject({
      callback: { error: { code: 21610 }, optOut: true },
    });
    expect(await status({ MessageStatus: "undelivered", ErrorCode: "30003" })).toMatchObject({
      callback: { error: { code: 30003 }, optOut: false },
    });
    expect(await status({ MessageStatus: "undelivered" })).toMatchObject({
      callback: { error: { code: null, reason: "Twilio gave no reason" } },
    });
    expect(await status({ MessageStatus: "canceled" })).toMatchObject({
      callback: { error: { code: null, reason: "it was canceled at Twilio" } },
    });
  });
});

describe("the answer", () => {
  it("is TwiML that sends nothing", async () => {
    const response = twilio(common).acknowledge(null);
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("text/xml; charset=utf-8");
    expect(await response.text()).toBe('<?xml version="1.0" encoding="UTF-8"?><Response/>');
  });

  it("carries the auto-reply, whose statuses come back to it", async () => {
    const response = twilio(common).acknowledge({
      outboundId: "out_7",
      attempt: 1,
      line: "+15703251809",
      from: "+15703251809",
      to: "+12345678900",
      body: "Closed & <gone>",
      media: [{ url: "https://example.com/a.png?x=1&y=2", contentType: "image/png" }],
    });
    expect(await response.text()).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response>' +
        `<Message statusCallback="${PUBLIC}?ownline=out_7.1#rc=5&amp;rp=all">` +
        "<Body>Closed &amp; &lt;gone&gt;</Body><Media>https://example.com/a.png?x=1&amp;y=2</Media>" +
        "</Message></Response>",
    );
  });
});
