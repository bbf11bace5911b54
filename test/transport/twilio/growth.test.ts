import { describe, expect, it } from "vitest";
import { toExpress } from "../../../src/http/express.ts";
import { createHandler } from "../../../src/http/handler.ts";
import { likelyCause, shownUrl } from "../../../src/transport/twilio/refusal-log.ts";
import { groupParams, signedForm, verifyRequest } from "../../../src/transport/twilio/signature.ts";
import { type TwilioOptions, twilio } from "../../../src/transport/twilio/twilio.ts";
import { parseWebhook } from "../../../src/transport/twilio/webhook.ts";
import { growthOf, LINEAR_AT_MOST, type Work } from "../../growth.ts";
import { TOKEN } from "../../http/scene.ts";

/*
 * What a stranger's request can make the process do. The sizes are those of the smaller input; 16 times as large, a
 * whole request is at the bound of 64 kB.
 */
const PUBLIC = "https://example.com/api/webhooks/sms";
const SIGNATURE = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const FORM = "application/x-www-form-urlencoded";
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const settings = { accountSid: `AC${"a".repeat(32)}`, webhookUrl: PUBLIC };

const transport = (changes: Partial<TwilioOptions> = {}) =>
  twilio({ ...settings, authToken: [TOKEN, "another"], ...changes } as TwilioOptions);

interface Sent {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A request through the whole handler, as a framework hands it over. */
function handled({ url = PUBLIC, method = "POST", headers = {}, body }: Sent, changes?: Partial<TwilioOptions>): Work {
  const receiver = {
    receiveWebhook: () => Promise.reject(new Error("an unsigned text came through")),
    receiveStatus: () => Promise.reject(new Error("an unsigned status came through")),
  };
  const handle = createHandler(transport(changes), receiver, silent);
  return async () => {
    const all = { "content-type": FORM, "x-twilio-signature": SIGNATURE, ...headers };
    const init = { method, headers: all, ...(body === undefined ? {} : { body }) };
    const { status } = await handle(new Request(url, init));
    if (status < 400 || status >= 500) throw new Error(`it was answered ${status}`);
  };
}

/** The parts, past every bound that stands before them. */
const parts: Record<string, [n: number, make: (n: number) => Work]> = {
  "grouping many names": [625, (n) => grouping(Array.from({ length: n }, (_, i) => `n${i}=v`).join("&"))],
  "grouping one name many times": [625, (n) => grouping("a&".repeat(n))],
  "the signed form of many names": [500, (n) => signing(Array.from({ length: n }, (_, i) => `n${i}=v`).join("&"))],
  "the signed form of one name with many values": [
    500,
    (n) => signing(Array.from({ length: n }, (_, i) => `a=${i}`).join("&")),
  ],
  "reading a webhook of many names": [
    500,
    (n) => reading(Array.from({ length: n }, (_, i) => `MediaUrl${i}=v`).join("&")),
  ],
  "reading ids that come many times": [500, (n) => reading(Array.from({ length: n }, () => "MessageSid=x").join("&"))],
  "spelling a URL of escapes": [1000, (n) => verifying(`${PUBLIC}?a=${"%C3%B1".repeat(n)}`)],
  "spelling a URL of wrong escapes": [1000, (n) => verifying(`${PUBLIC}?a=${"%ff".repeat(n)}`)],
  "spelling a URL of signs": [2500, (n) => verifying(`${PUBLIC}?${"@:/?&bodySHA256".repeat(n / 10)}`)],
  "spelling a URL of a long host": [500, (n) => verifying(`https://${"a.".repeat(n)}example/`)],
  "spelling a URL of long credentials": [500, (n) => verifying(`https://${"a:".repeat(n)}@example.com/`)],
  "spelling a URL of a long query": [1000, (n) => verifying(`${PUBLIC}?${"a=b&".repeat(n)}`)],
  "a raw form": [500, (n) => verifying(PUBLIC, "a&".repeat(n))],
  "a raw body with a hash": [7500, (n) => verifying(`${PUBLIC}?bodySHA256=00`, "{".repeat(n))],
  "logging a URL of many names": [2500, (n) => logging(`${PUBLIC}?${"a=b&".repeat(n)}`)],
  "logging a long path": [7500, (n) => logging(`https://example.com/${"a/".repeat(n)}`)],
};

const grouping = (form: string): Work => {
  const params = new URLSearchParams(form);
  return () => groupParams(params);
};
const signing = (form: string): Work => {
  const params = new URLSearchParams(form);
  return () => signedForm(params);
};
const reading = (form: string): Work => {
  const params = new URLSearchParams(form);
  return () => parseWebhook(params);
};
const verifying =
  (url: string, rawBody?: string): Work =>
  () =>
    verifyRequest({ authToken: TOKEN, url, rawBody, signature: SIGNATURE });
const logging = (url: string): Work => {
  const request = { method: "POST", url, headers: new Headers(), body: "" };
  return () => [shownUrl(url, settings), likelyCause(settings, request, new URLSearchParams())];
};

/** Whole requests, up to the bound of 64 kB. */
const requests: Record<string, [n: number, make: (n: number) => Work]> = {
  "a form of many parameters": [4000, (n) => handled({ body: "a&".repeat(n / 2) })],
  "a form of one long value": [4000, (n) => handled({ body: `Body=${"x".repeat(n - 5)}` })],
  "a form of escapes": [4000, (n) => handled({ body: `Body=${"%C3".repeat(n / 3 - 5)}` })],
  "a form of control characters": [4000, (n) => handled({ body: `${"\u0085\n".repeat(n / 4)}` })],
  "a JSON body": [4000, (n) => handled({ headers: { "content-type": "application/json" }, body: "[".repeat(n) })],
  "a JSON body whose hash is announced": [
    4000,
    (n) =>
      handled({ url: `${PUBLIC}?bodySHA256=0`, headers: { "content-type": "application/json" }, body: "[".repeat(n) }),
  ],
  "a long query": [3750, (n) => handled({ method: "GET", url: `${PUBLIC}?Body=${"%C3%B1".repeat(n / 6)}` })],
  "a query of many parameters": [3750, (n) => handled({ method: "GET", url: `${PUBLIC}?${"a&".repeat(n / 2)}` })],
  "a long path": [3750, (n) => handled({ url: `${PUBLIC}/${"a/".repeat(n / 2)}`, body: "a=b" })],
  "a long signature": [3750, (n) => handled({ headers: { "x-twilio-signature": "A".repeat(n) }, body: "a=b" })],
  "a long content type": [3750, (n) => handled({ headers: { "content-type": ` ;${" ".repeat(n)}x` }, body: "a=b" })],
  "a long method": [3750, (n) => handled({ method: "X".repeat(n), body: "a=b" })],
  "long forwarded headers": [
    3750,
    (n) =>
      handled(
        {
          headers: { "x-forwarded-host": `${"a.".repeat(n / 2)}/`, "x-forwarded-proto": ` ${"https ".repeat(n / 6)},` },
          body: "a=b",
        },
        { trustForwardedHeaders: true },
      ),
  ],
  "many chunks": [4000, (n) => chunked(n)],
  "a form that Express has parsed": [625, (n) => parsed(n)],
};

function chunked(n: number): Work {
  const receiver = {
    receiveWebhook: () => Promise.reject(new Error()),
    receiveStatus: () => Promise.reject(new Error()),
  };
  const handle = createHandler(transport(), receiver, silent);
  return async () => {
    let left = n;
    const body = new ReadableStream({
      pull(controller) {
        left -= 1;
        if (left < 0) controller.close();
        else controller.enqueue(new Uint8Array([97]));
      },
    });
    const init = {
      method: "POST",
      headers: { "content-type": FORM, "x-twilio-signature": SIGNATURE },
      body,
      duplex: "half",
    };
    await handle(new Request(PUBLIC, init as RequestInit));
  };
}

function parsed(n: number): Work {
  const body = Object.fromEntries(Array.from({ length: n }, (_, i) => [`n${i}`, i % 2 === 0 ? "v" : ["v", "w"]]));
  const handler = toExpress({ fetch: async () => new Response(null, { status: 403 }) }, { logger: silent });
  const headers = { "content-type": FORM, host: "example.com" };
  return () =>
    new Promise<void>((resolve, reject) => {
      const req = { method: "POST", url: "/", headers, body, readableDidRead: true, socket: {} };
      const res = { on: () => res, setHeader: () => {}, end: () => resolve(), req: { httpVersionMajor: 1 } };
      handler(req as never, res as never, reject);
    });
}

describe("work before the signature is known grows linearly", () => {
  it.each(Object.entries({ ...parts, ...requests }))("in %s", async (_, [n, make]) => {
    expect(await growthOf(make, n)).toBeLessThan(LINEAR_AT_MOST);
  });
});
