import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import nock from "nock";
import createClient from "twilio";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isOwnlineError } from "../../../src/errors.ts";
import type { SendRequest, SendResult, Transport } from "../../../src/transport/transport.ts";
import { type FetchFunction, twilio } from "../../../src/transport/twilio/twilio.ts";

const ACCOUNT = `AC${"a".repeat(32)}`;
const SERVICE = `MG${"b".repeat(32)}`;
const TOKEN = "0123456789abcdef";
const WEBHOOK = "https://example.com/api/webhooks/sms?tenant=7#rc=5&rp=all";
const API = "https://api.twilio.com";
const MESSAGES = `/2010-04-01/Accounts/${ACCOUNT}/Messages.json`;

const common = { accountSid: ACCOUNT, authToken: TOKEN, webhookUrl: WEBHOOK };
const request: SendRequest = {
  outboundId: "out_1.x",
  attempt: 2,
  line: "+15703251809",
  from: "+15703251809",
  to: "+12345678900",
  body: "Hello & goodbye 👍",
  media: [],
};

/** A fetch that answers without a network. */
function answering(status: number, body: unknown, headers: Record<string, string> = {}): FetchFunction {
  return async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

function failing(error: unknown): FetchFunction {
  return () => Promise.reject(new TypeError("fetch failed", { cause: error }));
}

function sendBy(fetch: FetchFunction, changes: Partial<SendRequest> = {}): Promise<SendResult> {
  return twilio({ ...common, fetch }).send({ ...request, ...changes });
}

async function formOf(changes: Partial<SendRequest>): Promise<[string, string][]> {
  let form: [string, string][] = [];
  await sendBy(async (_, init) => {
    form = [...new URLSearchParams(String(init.body))];
    return Response.json({ sid: "SM1", status: "queued" });
  }, changes);
  return form;
}

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
  expect(await transport.send({ ...request, ...changes })).toMatchObject({ kind: "accepted", carrierId: "SM1" });
  return seen;
}

function entry(sid: string, date: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sid,
    account_sid: ACCOUNT,
    from: "+15703251809",
    to: "+12345678900",
    body: "hi",
    status: "sent",
    direction: "outbound-api",
    num_media: "0",
    messaging_service_sid: null,
    date_created: date,
    date_sent: null,
    ...more,
  };
}

/** Pages by their number; notes the URLs. */
function paging(key: string, pages: readonly (readonly unknown[])[], urls: URL[] = []): FetchFunction {
  return async (href) => {
    const url = new URL(href);
    urls.push(url);
    const page = Number(url.searchParams.get("Page") ?? 0);
    const next = page + 1 < pages.length ? `${url.pathname}?PageSize=100&Page=${page + 1}&PageToken=x` : null;
    return Response.json({ [key]: pages[page] ?? [], next_page_uri: next });
  };
}

async function failureOf(fetch: FetchFunction): Promise<unknown> {
  const error: unknown = await twilio({ ...common, fetch })
    .senders()
    .catch((thrown: unknown) => thrown);
  expect(isOwnlineError(error)).toBe(true);
  return error;
}

const numbersAndCodes: FetchFunction = async (href) =>
  Response.json(
    href.includes("ShortCodes")
      ? { short_codes: [{ short_code: "384387", sms_url: "https://example.com/s" }], next_page_uri: null }
      : {
          incoming_phone_numbers: [
            { phone_number: "+15703251809", capabilities: { sms: true, mms: false, voice: true }, sms_url: "" },
          ],
          next_page_uri: null,
        },
  );

const unreachable: FetchFunction = () => expect.unreachable("nothing may be sent");

describe("the create request", () => {
  it("carries number, text and the attempt's callback, before the retry overrides", async () => {
    let seen: { url: string; init: RequestInit } | undefined;
    const result = await sendBy(async (url, init) => {
      seen = { url, init };
      return Response.json({ sid: "SM1", status: "queued" }, { status: 201 });
    });
    expect(result).toEqual({ kind: "accepted", carrierId: "SM1", status: "accepted", rawStatus: "queued" });
    expect(seen?.url).toBe(API + MESSAGES);
    expect(seen?.init.method).toBe("POST");
    expect(seen?.init.redirect).toBe("manual");
    const headers = new Headers(seen?.init.headers);
    expect(headers.get("Authorization")).toBe(`Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString("base64")}`);
    expect(headers.get("Content-Type")).toBe("application/x-www-form-urlencoded");
    expect([...new URLSearchParams(String(seen?.init.body))]).toEqual([
      ["To", "+12345678900"],
      ["From", "+15703251809"],
      ["Body", "Hello & goodbye 👍"],
      ["StatusCallback", "https://example.com/api/webhooks/sms?tenant=7&ownline=out_1.x.2#rc=5&rp=all"],
    ]);
  });

  it("repeats MediaUrl and leaves an empty body out", async () => {
    const media = ["https://example.com/1.png", "https://example.com/2.png"].map((url) => ({ url, contentType: "" }));
    const form = await formOf({ body: "", media });
    expect(form.filter(([name]) => name === "MediaUrl")).toEqual(media.map(({ url }) => ["MediaUrl", url]));
    expect(form.map(([name]) => name)).not.toContain("Body");
  });

  it("names the Messaging Service of the line, with the number that replies keep", async () => {
    const form = await formOf({ line: SERVICE });
    expect(form).toContainEqual(["MessagingServiceSid", SERVICE]);
    expect(form).toContainEqual(["From", "+15703251809"]);
  });

  it("names only the Messaging Service where the service itself is the sender", async () => {
    const form = await formOf({ line: SERVICE, from: SERVICE });
    expect(form).toContainEqual(["MessagingServiceSid", SERVICE]);
    expect(form.map(([name]) => name)).not.toContain("From");
  });

  it.each([
    [1, "1"],
    [1999, "1"],
    [300_000, "300"],
    [36_000_000, "36000"],
    [86_400_000, "36000"],
  ])(
    "asks Twilio to give up after %i ms: ValidityPeriod=%s, in whole seconds from 1 to 36000",
    async (validityMs, s) => {
      expect(await formOf({ validityMs })).toContainEqual(["ValidityPeriod", s]);
    },
  );

  it("is made with the API key where there is one, and with the first of several tokens", async () => {
    const seen: (string | null)[] = [];
    const fetch: FetchFunction = async (_, init) => {
      seen.push(new Headers(init.headers).get("Authorization"));
      return Response.json({ sid: "SM1", status: "queued" });
    };
    await twilio({ ...common, apiKeySid: "SK1", apiKeySecret: "sécret", fetch }).send(request);
    await twilio({ ...common, authToken: ["first", "second"], fetch }).send(request);
    expect(seen.map((header) => Buffer.from(header?.slice(6) ?? "", "base64").toString())).toEqual([
      "SK1:sécret",
      `${ACCOUNT}:first`,
    ]);
  });

  it("goes to apiUrl where that is set", async () => {
    let seen = "";
    const fetch: FetchFunction = async (url) => {
      seen = url;
      return Response.json({ sid: "SM1", status: "queued" });
    };
    await twilio({ ...common, apiUrl: "http://127.0.0.1:4010/", fetch }).send(request);
    expect(seen).toBe(`http://127.0.0.1:4010${MESSAGES}`);
  });
});

describe("what becomes of a send", () => {
  it.each([
    [429, { code: 20429 }, "retry-now", false],
    [429, "", "retry-now", false],
    [400, { code: 21211 }, "permanent", false],
    [400, { code: 21610 }, "opted-out", false],
    [400, { code: 21660 }, "configuration", false],
    [400, { code: 30022 }, "retry-later", false],
    [401, { code: 20003 }, "configuration", true],
    [401, "", "configuration", true],
    [403, { code: 20005 }, "configuration", true],
    [403, { code: 20006 }, "configuration", true],
    [400, { code: 30002 }, "configuration", true],
    [404, { code: 20404 }, "permanent", false],
    [307, "", "configuration", true],
    [422, { type: "t", title: "T", status: 422, code: 20001 }, "permanent", false],
  ])("is refused for HTTP %i with %j: %s", async (status, body, refusal, wholeAccount) => {
    expect(await sendBy(answering(status, body))).toMatchObject({ kind: "refused", refusal, wholeAccount });
  });

  it.each([
    [500, { code: 20500 }],
    [503, "<html>"],
    [408, ""],
    [500, { code: 21211 }],
    [400, { code: 30410 }],
    [201, "{ cut"],
    [201, { status: "queued" }],
    [201, ""],
  ])("is unknown for HTTP %i with %j", async (status, body) => {
    expect((await sendBy(answering(status, body))).kind).toBe("unknown");
  });

  it("tells how long Twilio wants us to wait", async () => {
    expect(await sendBy(answering(429, { code: 20429 }, { "Retry-After": "3" }))).toMatchObject({ retryAfterMs: 3000 });
    expect(await sendBy(answering(429, { code: 20429 }))).toMatchObject({ retryAfterMs: null });
  });

  it.each([
    ["queued", "accepted"],
    ["accepted", "accepted"],
    ["scheduled", "accepted"],
    ["sending", "accepted"],
    ["sent", "sent"],
    ["delivered", "delivered"],
    ["failed", "failed"],
    ["something-new", "accepted"],
  ])("takes the status %s for %s", async (rawStatus, status) => {
    const result = await sendBy(answering(201, { sid: "SM9", status: rawStatus }));
    expect(result).toEqual({ kind: "accepted", carrierId: "SM9", status, rawStatus });
  });

  it("never repeats what Twilio or the caller wrote", async () => {
    const message = `The 'To' number +12345678900 is not valid; ${TOKEN}`;
    for (const status of [400, 401, 429, 500]) {
      const text = JSON.stringify(await sendBy(answering(status, { code: 21211, message })));
      expect(text).not.toMatch(/\+1234|Hello|0123456789abcdef/);
    }
  });

  it.each([
    ["ECONNREFUSED", {}],
    ["ENOTFOUND", {}],
    ["EAI_AGAIN", {}],
    ["UND_ERR_CONNECT_TIMEOUT", {}],
    ["CERT_HAS_EXPIRED", {}],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", {}],
    ["SELF_SIGNED_CERT_IN_CHAIN", {}],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", {}],
    ["ERR_TLS_CERT_ALTNAME_INVALID", {}],
    ["ETIMEDOUT", { syscall: "connect" }],
    ["EHOSTUNREACH", { syscall: "connect" }],
  ])("is safe to repeat after %s: nothing was written", async (code, more) => {
    const result = await sendBy(failing(Object.assign(new Error("x"), { code, ...more })));
    expect(result).toMatchObject({ kind: "refused", refusal: "retry-later", wholeAccount: false });
  });

  it.each(["ECONNRESET", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])(
    "is unknown after %s: it may have been written",
    async (code) => {
      const result = await sendBy(failing(Object.assign(new Error("x"), { code })));
      expect(result).toMatchObject({ kind: "unknown" });
      expect(JSON.stringify(result)).toContain(code);
    },
  );

  it("is unknown after an error that says nothing", async () => {
    expect((await sendBy(failing(undefined))).kind).toBe("unknown");
    expect((await sendBy(() => Promise.reject("x"))).kind).toBe("unknown");
  });

  it("counts several tried addresses as safe only when all of them are", async () => {
    const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED", syscall: "connect" });
    const reset = Object.assign(new Error("x"), { code: "ECONNRESET" });
    expect((await sendBy(failing(new AggregateError([refused, refused])))).kind).toBe("refused");
    const mixed = Object.assign(new AggregateError([refused, reset]), { code: "ECONNREFUSED" });
    expect((await sendBy(failing(mixed))).kind).toBe("unknown");
  });

  it("is unknown when the answer does not come in time", async () => {
    const transport = twilio({ ...common, timeoutMs: 1, fetch: () => new Promise(() => {}) });
    expect(await transport.send(request)).toEqual({
      kind: "unknown",
      error: { code: null, reason: "Twilio did not answer within 1 ms" },
    });
  });

  it("is unknown when called off on the way, and refused when called off before", async () => {
    const controller = new AbortController();
    const fetch: FetchFunction = (_, init) =>
      new Promise((_resolve, reject) => {
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
        controller.abort();
      });
    expect((await sendBy(fetch, { signal: controller.signal })).kind).toBe("unknown");
    expect((await sendBy(unreachable, { signal: AbortSignal.abort() })).kind).toBe("refused");
  });
});

describe("over a real connection", () => {
  let server: Server | undefined;
  afterEach(() => new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined))));

  async function at(listener: RequestListener): Promise<Transport> {
    const running = createServer(listener);
    server = running;
    await new Promise<void>((resolve) => running.listen(0, "127.0.0.1", resolve));
    const { port } = running.address() as AddressInfo;
    return twilio({ ...common, apiUrl: `http://127.0.0.1:${port}` });
  }

  it("is unknown when the connection breaks after the request", async () => {
    const transport = await at((incoming) => incoming.socket.destroy());
    expect((await transport.send(request)).kind).toBe("unknown");
  });

  it("is unknown when the answer is cut off in its body", async () => {
    const transport = await at((_, response) => {
      response.writeHead(201, { "Content-Length": "500" });
      response.write("{", () => response.destroy());
    });
    expect((await transport.send(request)).kind).toBe("unknown");
  });

  it("is refused for now when nothing listens", async () => {
    const transport = await at(() => {});
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    expect(await transport.send(request)).toMatchObject({ kind: "refused", refusal: "retry-later" });
  });
});

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

describe("reading Twilio's lists", () => {
  const since = Date.parse("2026-11-20T10:00:00Z");

  it("finds our texts by numbers and date of creation, and stops at the first old page", async () => {
    const urls: URL[] = [];
    const fetch = paging(
      "messages",
      [
        [entry("SM3", "Fri, 20 Nov 2026 10:00:03 +0000"), entry("SM4", "Fri, 20 Nov 2026 10:00:05 +0000")],
        [
          entry("SM2", "Fri, 20 Nov 2026 10:00:00 +0000", { status: "queued" }),
          entry("SM1", "Fri, 20 Nov 2026 09:59:59 +0000"),
        ],
        [entry("SM0", "Fri, 20 Nov 2026 09:00:00 +0000")],
        [entry("SM9", "Fri, 20 Nov 2026 12:00:00 +0000")],
      ],
      urls,
    );
    const query = { from: "+15703251809", to: "+12345678900", since };
    const { messages: found } = await twilio({ ...common, fetch }).find(query);
    expect(found.map(({ carrierId }) => carrierId)).toEqual(["SM4", "SM3", "SM2"]);
    expect(found[2]).toEqual({
      carrierId: "SM2",
      from: "+15703251809",
      to: "+12345678900",
      body: "hi",
      mediaCount: 0,
      status: "accepted",
      createdAt: since,
    });
    expect(urls).toHaveLength(3);
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toEqual({
      From: "+15703251809",
      To: "+12345678900",
      PageSize: "100",
    });
  });

  it("finds by Messaging Service, whose texts may have no number yet", async () => {
    const urls: URL[] = [];
    const date = "Fri, 20 Nov 2026 10:00:03 +0000";
    const fetch = paging(
      "messages",
      [
        [
          entry("SM1", date, { messaging_service_sid: SERVICE, from: null }),
          entry("SM2", date),
          entry("SM3", date, { status: "received" }),
        ],
      ],
      urls,
    );
    const { messages } = await twilio({ ...common, fetch }).find({ from: SERVICE, to: "+12345678900", since });
    expect(messages).toMatchObject([{ carrierId: "SM1", from: null, mediaCount: null }]);
    expect(urls[0]?.searchParams.has("From")).toBe(false);
  });

  it("lists what came in, oldest first, with its pictures in the person's order", async () => {
    const mine = { direction: "inbound", status: "received", from: "+12345678900", to: "+15703251809" };
    const urls: URL[] = [];
    const fetch: FetchFunction = async (href) => {
      urls.push(new URL(href));
      if (href.includes("/Media.json")) {
        const uri = `/2010-04-01/Accounts/${ACCOUNT}/Messages/MM1/Media`;
        const media_list = ["ME2", "ME1"].map((sid) => ({ uri: `${uri}/${sid}.json`, content_type: "image/png" }));
        return Response.json({ media_list, next_page_uri: null });
      }
      return Response.json({
        messages: [
          entry("SM2", "Fri, 20 Nov 2026 10:00:09 +0000", mine),
          entry("SM3", "Fri, 20 Nov 2026 10:00:08 +0000"),
          entry("MM1", "Fri, 20 Nov 2026 10:00:01 +0000", {
            ...mine,
            num_media: "2",
            body: "",
            messaging_service_sid: SERVICE,
          }),
          entry("SM0", "Fri, 20 Nov 2026 09:00:01 +0000", mine),
        ],
        next_page_uri: null,
      });
    };
    const { texts: found } = await twilio({ ...common, fetch }).listInbound({ to: "+15703251809", since });
    expect(found).toMatchObject([{ carrierId: "MM1" }, { carrierId: "SM2", media: [], service: null }]);
    expect(found[0]).toEqual({
      key: `${ACCOUNT}:MM1`,
      carrierId: "MM1",
      from: "+12345678900",
      to: "+15703251809",
      service: SERVICE,
      body: "",
      media: ["ME1", "ME2"].map((sid) => ({
        url: `${API}/2010-04-01/Accounts/${ACCOUNT}/Messages/MM1/Media/${sid}`,
        contentType: "image/png",
      })),
      optOut: null,
      occurredAt: since + 1000,
    });
    expect(urls[0]?.searchParams.get("DateSent>")).toBe("2026-11-19T10:00:00Z");
    const asked: (readonly string[])[] = [];
    const unrecorded = async (keys: readonly string[]) => {
      asked.push(keys);
      return keys.filter((key) => key !== `${ACCOUNT}:MM1`);
    };
    urls.length = 0;
    const left = await twilio({ ...common, fetch }).listInbound({ to: "+15703251809", since, unrecorded });
    expect(asked).toEqual([[`${ACCOUNT}:SM2`, `${ACCOUNT}:MM1`]]);
    expect(left.texts.map(({ carrierId }) => carrierId)).toEqual(["SM2"]);
    // What is known already costs no request for its pictures.
    expect(urls).toHaveLength(1);
  });

  it("lists what came in last by Twilio's clock, not by ours", async () => {
    const mine = { direction: "inbound", status: "received", from: "+12345678900", to: "+15703251809" };
    const urls: URL[] = [];
    const pages = paging(
      "messages",
      [
        [
          entry("SM3", "Fri, 20 Nov 2026 10:00:09 +0000", mine),
          entry("SM2", "Fri, 20 Nov 2026 09:59:59 +0000", mine),
          entry("SM1", "Fri, 20 Nov 2026 09:59:58 +0000", mine),
        ],
        [entry("SM0", "Fri, 20 Nov 2026 09:00:00 +0000", mine)],
        [entry("SM9", "Fri, 20 Nov 2026 10:00:00 +0000", mine)],
      ],
      urls,
    );
    const dated: FetchFunction = async (...asked) => {
      const answer = await pages(...asked);
      answer.headers.set("Date", "Fri, 20 Nov 2026 10:00:59 GMT");
      return answer;
    };
    const query = { to: "+15703251809", since: { lastMs: 60_000 } };
    const { texts, asOf } = await twilio({ ...common, fetch: dated }).listInbound(query);
    expect(texts.map(({ carrierId }) => carrierId)).toEqual(["SM2", "SM3"]);
    expect(asOf).toBe(Date.parse("2026-11-20T10:00:59Z"));
    expect(urls).toHaveLength(2);
    expect(urls[0]?.searchParams.has("DateSent>")).toBe(false);
    await expect(twilio({ ...common, fetch: pages }).listInbound(query)).rejects.toMatchObject({
      code: "carrier_unavailable",
      message: expect.stringContaining("Date"),
    });
  });

  it("tells Twilio's clock, over fetch and through the official client alike, and null where there is none", async () => {
    const query = { from: "+15703251809", to: "+12345678900", since };
    const scope = nock(API).get(MESSAGES).query(true).times(2);
    scope.reply(200, { messages: [], next_page_uri: null }, { Date: "Fri, 20 Nov 2026 10:00:59 GMT" });
    const asOf = Date.parse("2026-11-20T10:00:59Z");
    expect(await twilio(common).find(query)).toEqual({ messages: [], asOf });
    const client = createClient(ACCOUNT, TOKEN);
    expect(await twilio({ client, authToken: TOKEN, webhookUrl: WEBHOOK }).find(query)).toEqual({ messages: [], asOf });
    const undated = answering(200, { messages: [], next_page_uri: null });
    expect(await twilio({ ...common, fetch: undated }).find(query)).toEqual({ messages: [], asOf: null });
  });

  it("names the numbers and short codes of the account", async () => {
    expect(await twilio({ ...common, fetch: numbersAndCodes }).senders()).toEqual([
      { address: "+15703251809", capabilities: ["sms", "voice"], webhookUrl: "" },
      { address: "384387", capabilities: ["sms"], webhookUrl: "https://example.com/s", posts: "elsewhere" },
    ]);
  });

  it.each<[string, string, boolean, FetchFunction]>([
    ["bad credentials", "carrier_rejected", false, answering(401, { code: 20003 })],
    ["an unknown account", "carrier_rejected", false, answering(404, { code: 20404 })],
    ["too many requests", "carrier_unavailable", true, answering(429, { code: 20429 })],
    ["a failing API", "carrier_unavailable", true, answering(503, "")],
    ["no connection", "carrier_unavailable", true, failing(Object.assign(new Error(), { code: "ECONNREFUSED" }))],
    ["an answer that is no JSON", "carrier_unavailable", true, answering(200, "<html>")],
    ["an answer without its list", "carrier_unavailable", true, answering(200, {})],
    [
      "pages that run in a circle",
      "carrier_unavailable",
      true,
      answering(200, { incoming_phone_numbers: [], next_page_uri: "/again" }),
    ],
  ])("says so after %s", async (_, code, retryable, fetch) => {
    expect(await failureOf(fetch)).toMatchObject({ code, retryable });
  });

  it("never follows a next page to another host, since the request carries the credentials", async () => {
    const hosts: string[] = [];
    const error = await failureOf(async (href) => {
      hosts.push(new URL(href).host);
      return Response.json({ incoming_phone_numbers: [], next_page_uri: "https://evil.example/x" });
    });
    expect(error).toMatchObject({ code: "carrier_unavailable" });
    expect(hosts).toEqual(["api.twilio.com"]);
  });
});
