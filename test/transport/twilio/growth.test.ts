import { describe, expect, it } from "vitest";
import { toExpress } from "../../../src/http/express.ts";
import { createHandler } from "../../../src/http/handler.ts";
import { likelyCause, shownUrl } from "../../../src/transport/twilio/refusal-log.ts";
import { groupParams, signedForm, verifyRequest } from "../../../src/transport/twilio/signature.ts";
import { type TwilioOptions, twilio } from "../../../src/transport/twilio/twilio.ts";
import { parseWebhook } from "../../../src/transport/twilio/webhook.ts";
import { TOKEN } from "../../http/scene.ts";

/*
 * What a stranger's request can make the process do, at n and at 8n: linear work takes eight times as long, quadratic
 * work sixty-four times. At n and 2n a busy machine's caches and collections hid the difference between two and four.
 * Each pair is measured several times in turn, and the least of each counts. A pair that looks too steep is measured
 * again at another size: a busy machine passes then, and quadratic work never does.
 */
const ROUNDS = 6;
const STEP = 8;
const FACTORS = [0.25, 0.5, 1, 2, 4];
/** Half of what quadratic work takes. */
const MOST = 32;
/** Work below this is too short to compare, and harmless at this size. */
const NEGLIGIBLE_MS = 1;

const PUBLIC = "https://example.com/api/webhooks/sms";
const SIGNATURE = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const FORM = "application/x-www-form-urlencoded";
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const settings = { accountSid: `AC${"a".repeat(32)}`, webhookUrl: PUBLIC };

type Work = () => unknown;

async function msOf(work: Work): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** How many times longer 8n takes than n. The least of several sizes: memory may take a step between two of them. */
async function growthOf(make: (n: number) => Work, n: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (const factor of FACTORS) {
    if (least < MOST) break;
    const [small, large] = [make(Math.ceil(factor * n)), make(STEP * Math.ceil(factor * n))];
    let [once, many] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < ROUNDS; round += 1) {
      once = Math.min(once, await msOf(small));
      many = Math.min(many, await msOf(large));
    }
    least = Math.min(least, many < NEGLIGIBLE_MS ? 0 : many / once);
  }
  return least;
}

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
  "grouping many names": [5000, (n) => grouping(Array.from({ length: n }, (_, i) => `n${i}=v`).join("&"))],
  "grouping one name many times": [5000, (n) => grouping("a&".repeat(n))],
  "the signed form of many names": [4000, (n) => signing(Array.from({ length: n }, (_, i) => `n${i}=v`).join("&"))],
  "the signed form of one name with many values": [
    4000,
    (n) => signing(Array.from({ length: n }, (_, i) => `a=${i}`).join("&")),
  ],
  "reading a webhook of many names": [
    4000,
    (n) => reading(Array.from({ length: n }, (_, i) => `MediaUrl${i}=v`).join("&")),
  ],
  "reading ids that come many times": [4000, (n) => reading(Array.from({ length: n }, () => "MessageSid=x").join("&"))],
  "spelling a URL of escapes": [8000, (n) => verifying(`${PUBLIC}?a=${"%C3%B1".repeat(n)}`)],
  "spelling a URL of wrong escapes": [8000, (n) => verifying(`${PUBLIC}?a=${"%ff".repeat(n)}`)],
  "spelling a URL of signs": [20_000, (n) => verifying(`${PUBLIC}?${"@:/?&bodySHA256".repeat(n / 10)}`)],
  "spelling a URL of a long host": [4000, (n) => verifying(`https://${"a.".repeat(n)}example/`)],
  "spelling a URL of long credentials": [4000, (n) => verifying(`https://${"a:".repeat(n)}@example.com/`)],
  "spelling a URL of a long query": [8000, (n) => verifying(`${PUBLIC}?${"a=b&".repeat(n)}`)],
  "a raw form": [4000, (n) => verifying(PUBLIC, "a&".repeat(n))],
  "a raw body with a hash": [60_000, (n) => verifying(`${PUBLIC}?bodySHA256=00`, "{".repeat(n))],
  "logging a URL of many names": [20_000, (n) => logging(`${PUBLIC}?${"a=b&".repeat(n)}`)],
  "logging a long path": [60_000, (n) => logging(`https://example.com/${"a/".repeat(n)}`)],
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
  "a form of many parameters": [32_000, (n) => handled({ body: "a&".repeat(n / 2) })],
  "a form of one long value": [32_000, (n) => handled({ body: `Body=${"x".repeat(n - 5)}` })],
  "a form of escapes": [32_000, (n) => handled({ body: `Body=${"%C3".repeat(n / 3 - 5)}` })],
  "a form of control characters": [32_000, (n) => handled({ body: `${"\u0085\n".repeat(n / 4)}` })],
  "a JSON body": [32_000, (n) => handled({ headers: { "content-type": "application/json" }, body: "[".repeat(n) })],
  "a JSON body whose hash is announced": [
    32_000,
    (n) =>
      handled({ url: `${PUBLIC}?bodySHA256=0`, headers: { "content-type": "application/json" }, body: "[".repeat(n) }),
  ],
  "a long query": [30_000, (n) => handled({ method: "GET", url: `${PUBLIC}?Body=${"%C3%B1".repeat(n / 6)}` })],
  "a query of many parameters": [30_000, (n) => handled({ method: "GET", url: `${PUBLIC}?${"a&".repeat(n / 2)}` })],
  "a long path": [30_000, (n) => handled({ url: `${PUBLIC}/${"a/".repeat(n / 2)}`, body: "a=b" })],
  "a long signature": [30_000, (n) => handled({ headers: { "x-twilio-signature": "A".repeat(n) }, body: "a=b" })],
  "a long content type": [30_000, (n) => handled({ headers: { "content-type": ` ;${" ".repeat(n)}x` }, body: "a=b" })],
  "a long method": [30_000, (n) => handled({ method: "X".repeat(n), body: "a=b" })],
  "long forwarded headers": [
    30_000,
    (n) =>
      handled(
        {
          headers: { "x-forwarded-host": `${"a.".repeat(n / 2)}/`, "x-forwarded-proto": ` ${"https ".repeat(n / 6)},` },
          body: "a=b",
        },
        { trustForwardedHeaders: true },
      ),
  ],
  "many chunks": [32_000, (n) => chunked(n)],
  "a form that Express has parsed": [5000, (n) => parsed(n)],
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
    expect(await growthOf(make, n)).toBeLessThan(MOST);
  });

  it("and is noticed where it does not: the test's own measure", async () => {
    const quadratic = (n: number) => () => {
      let sum = 0;
      for (let i = 0; i < n; i += 1) for (let j = 0; j < n; j += 1) sum += i ^ j;
      return sum;
    };
    expect(await growthOf(quadratic, 1000)).toBeGreaterThan(MOST);
  });
});
