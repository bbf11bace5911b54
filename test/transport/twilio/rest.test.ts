import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { SendRequest, SendResult, Transport } from "../../../src/transport/transport.ts";
import { type FetchFunction, twilio } from "../../../src/transport/twilio/twilio.ts";
import { ACCOUNT, API, answering, common, failing, MESSAGES, request, SERVICE, TOKEN } from "./rest-scene.ts";

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

const unreachable: FetchFunction = () => expect.unreachable("nothing may be sent");

describe("the create request", () => {
  it("carries number, text and the attempt's callback, before the retry overrides", async () => {
    let seen: { url: string; init: RequestInit } | undefined;
    const result = await sendBy(async (url, init) => {
      seen = { url, init };
      return Response.json({ sid: "SM1", status: "queued" }, { status: 201 });
    });
    expect(result).toEqual({ kind: "accepted", providerMessageId: "SM1", status: "accepted", rawStatus: "queued" });
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

  it("says how long Twilio wants us to wait", async () => {
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
    expect(result).toEqual({ kind: "accepted", providerMessageId: "SM9", status, rawStatus });
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
