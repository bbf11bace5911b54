import { describe, expect, it } from "vitest";
import { OwnlineError } from "../../src/errors.ts";
import { memory } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { fakeTransport } from "../../src/testing/testing.ts";
import { OURS, PERSON, PUBLIC, posted, scene, textParams } from "./scene.ts";

const EMPTY = /^<\?xml version="1\.0" encoding="UTF-8"\?><Response ?\/?>(<\/Response>)?$/;

async function errorOf(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return `${response.status} ${error.code}: ${error.message}`;
}

/** A ledger whose method fails, as one whose disk or network is gone. */
function failing(method: "recordInbound" | "recordStatus", error: Error): Storage {
  return { ...memory(), [method]: () => Promise.reject(error) };
}

describe("a webhook", () => {
  it("is answered with an empty Response as text/xml after the text is stored", async () => {
    const { sms, stored } = scene();
    const response = await sms.fetch(new Request(PUBLIC, await posted()));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/xml; charset=utf-8");
    expect(await response.text()).toMatch(EMPTY);
    expect(await stored()).toMatchObject([
      { direction: "inbound", origin: "webhook", from: PERSON, to: OURS, body: textParams().get("Body") },
    ]);
  });

  it.each([
    ["a name of 20,000 characters", "From", `messenger:${"7".repeat(20_000)}`],
    ["a NUL in it", "From", "rcs:agent\u0000"],
    ["a number of ours of 20,000 characters", "To", `messenger:${"7".repeat(20_000)}`],
    ["a NUL in the number of ours", "To", "rcs:agent\u0000"],
  ])("whose address no storage may keep is refused once, and logged without it: %s", async (_, name, address) => {
    const { sms, stored, lines } = scene();
    const params = textParams();
    params.set(name, address);
    const response = await sms.fetch(new Request(PUBLIC, await posted(params)));
    expect(await errorOf(response)).toContain("400 webhook_rejected: an address of the text cannot be stored");
    expect(lines).toEqual([
      expect.stringMatching(`^warn a webhook was refused with 400, and its text is not stored: ${name} `),
    ]);
    expect(lines.join()).not.toContain("777");
    expect(await stored()).toEqual([]);
  });

  it("is acknowledged again, and stored once, when it comes twice", async () => {
    const { sms, stored } = scene();
    await sms.fetch(new Request(PUBLIC, await posted()));
    const again = await sms.fetch(new Request(PUBLIC, await posted()));
    expect([again.status, await again.text()]).toEqual([200, expect.stringMatching(EMPTY)]);
    expect(await stored()).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["route parameters", { params: Promise.resolve({ slug: "sms" }) }],
    ["a waitUntil that is not a function", { waitUntil: undefined }],
    ["an empty object", {}],
  ])("is answered the same where a framework's second argument is %s", async (_, ctx) => {
    const { sms, lines, stored } = scene();
    const response = await sms.fetch(new Request(PUBLIC, await posted()), ctx);
    expect([response.status, lines.filter((line) => !line.startsWith("info"))]).toEqual([200, []]);
    expect(await stored()).toHaveLength(1);
  });

  it("gives the work after its answer to a second argument that takes it", async () => {
    const { sms } = scene({ burst: { quietMs: 0 } });
    const work: Promise<unknown>[] = [];
    await sms.fetch(new Request(PUBLIC, await posted()), { waitUntil: (one: Promise<unknown>) => void work.push(one) });
    expect(work).toHaveLength(1);
    await Promise.all(work);
  });

  it("is stored by the fallback request alone, whose ErrorCode and ErrorUrl make no status of it", async () => {
    const { sms, stored } = scene();
    const fallback = textParams({ ErrorCode: "11200", ErrorUrl: PUBLIC });
    expect((await sms.fetch(new Request(PUBLIC, await posted(fallback)))).status).toBe(200);
    expect(await stored()).toMatchObject([{ direction: "inbound", body: textParams().get("Body"), needsAnswer: true }]);
  });

  it("that was stored after all is not stored again by the fallback request", async () => {
    const { sms, stored } = scene();
    await sms.fetch(new Request(PUBLIC, await posted()));
    const before = await stored();
    const fallback = textParams({ ErrorCode: "11200", ErrorUrl: PUBLIC });
    const response = await sms.fetch(new Request(PUBLIC, await posted(fallback)));
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(EMPTY)]);
    expect(await stored()).toEqual(before);
  });

  it("carries the auto-reply, and the same TwiML again when the provider asks again", async () => {
    const { sms, stored } = scene({ autoReply: "Got it <3 & one moment." });
    const first = await (await sms.fetch(new Request(PUBLIC, await posted()))).text();
    const again = await (await sms.fetch(new Request(PUBLIC, await posted()))).text();
    const [, reply] = await stored();
    expect(reply).toMatchObject({ direction: "outbound", origin: "auto-reply", body: "Got it <3 & one moment." });
    expect(first).toContain(">Got it &lt;3 &amp; one moment.</Message>");
    expect(first).toContain(`statusCallback="${PUBLIC}?ownline=${reply?.id}.1"`);
    expect(again).toBe(first);
  });

  it("whose body something else has read is not acknowledged, and the log says what to change", async () => {
    const { sms, lines } = scene();
    const request = new Request(PUBLIC, await posted());
    await request.text();
    const response = await sms.fetch(request);
    expect(response.status).toBe(500);
    expect(lines.join("\n")).toContain("mount it before body parsers");
  });

  it("cannot write lines of its own into the log", async () => {
    const { sms, lines } = scene();
    const url = `${PUBLIC}?a%0Aerror+forged%E2%80%A8=1`;
    const headers = { "X-Twilio-Signature": "x", "Content-Type": "application/x-www-form-urlencoded" };
    await sms.fetch(new Request(url, { method: "POST", headers, body: "a=b" }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\n\u2028]/u);
  });

  it("that reports a status finds its message by the callback's query", async () => {
    const { sms, stored } = scene();
    await sms.send({ key: "order-1", to: PERSON, body: "Your table is ready." });
    await sms.processDue();
    const [message] = await stored();
    const params = new URLSearchParams({
      MessageSid: `SM${"1".repeat(32)}`,
      MessageStatus: "delivered",
      AccountSid: `AC${"a".repeat(32)}`,
    });
    const query = `?ownline=${message?.id}.1`;
    const response = await sms.fetch(new Request(PUBLIC + query, await posted(params, query)));
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(EMPTY)]);
    expect(await stored()).toMatchObject([{ id: message?.id, status: "delivered" }]);
  });

  it("that says nothing known is acknowledged and logged", async () => {
    const { sms, lines, stored } = scene();
    const params = new URLSearchParams({ Hello: "there" });
    const response = await sms.fetch(new Request(PUBLIC, await posted(params)));
    expect(response.status).toBe(200);
    expect(await stored()).toEqual([]);
    expect(lines).toEqual([expect.stringMatching(/^info a webhook was acknowledged and ignored: /)]);
  });
});

describe("a signed request that is cut elsewhere", () => {
  it("is refused with 400, stored nowhere, and reported with what to change", async () => {
    const { sms, lines, stored } = scene();
    const params = textParams({ SmsSid: `SM${"b".repeat(32)}` });
    const { headers } = await posted(params);
    expect((await sms.fetch(new Request(PUBLIC, await posted(params)))).status).toBe(200);
    const shifted = new URLSearchParams([...params].filter(([name]) => name !== "NumMedia"));
    shifted.set("MessageSid", `${params.get("MessageSid")}NumMedia0`);
    const before = await stored();
    const again = await sms.fetch(new Request(PUBLIC, { method: "POST", headers, body: shifted.toString() }));
    expect(again.status).toBe(400);
    expect(await stored()).toEqual(before);
    expect(lines.at(-1)).toMatch(/^warn a signed webhook was refused.*not the same id.*replace the auth token/);
    expect(lines.at(-1)).not.toContain(PERSON);
  });

  it("is reported as another product where it is of Conversations", async () => {
    const { sms, lines, stored } = scene();
    const params = textParams({ MessageSid: `IM${"b".repeat(32)}`, ConversationSid: `CH${"b".repeat(32)}` });
    expect((await sms.fetch(new Request(PUBLIC, await posted(params)))).status).toBe(400);
    expect(lines).toEqual([expect.stringMatching(/^warn .*Twilio Conversations.*another product/)]);
    expect(await stored()).toEqual([]);
  });
});

describe("a request that is not a webhook", () => {
  it("is answered 413 by its declared length, unread", async () => {
    const { sms, lines } = scene();
    const { headers } = await posted();
    let read = 0;
    const body = new ReadableStream({
      pull(controller) {
        read += 1;
        controller.enqueue(new Uint8Array(1));
      },
    });
    const request = new Request(PUBLIC, {
      method: "POST",
      headers: { ...headers, "content-length": String(64 * 1024 + 1) },
      body,
      duplex: "half",
    } as RequestInit);
    const response = await sms.fetch(request);
    expect(await errorOf(response)).toBe("413 too_large: the body is longer than 64 kB");
    // The stream itself asks for one chunk before anyone reads.
    expect(read).toBeLessThanOrEqual(1);
    expect(lines).toEqual([expect.stringMatching(/^warn a webhook was refused with 413/)]);
  });

  it("is answered 413 once a stream without a length passes 64 kB, and is not read to its end", async () => {
    const { sms } = scene();
    const { headers } = await posted();
    let chunks = 0;
    const body = new ReadableStream({
      pull(controller) {
        chunks += 1;
        controller.enqueue(new Uint8Array(1024));
      },
    });
    const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
    const response = await sms.fetch(new Request(PUBLIC, init));
    expect(response.status).toBe(413);
    expect(chunks).toBeLessThan(70);
  });

  it("may be exactly 64 kB long", async () => {
    const { sms } = scene();
    const body = `Body=${"x".repeat(64 * 1024 - "Body=".length)}`;
    const { headers } = await posted();
    expect((await sms.fetch(new Request(PUBLIC, { method: "POST", headers, body }))).status).toBe(403);
  });

  it("is answered 413 for a URL over 64 kB, and for more than 200 parameters", async () => {
    const { sms, lines } = scene();
    const { headers } = await posted();
    const long = new Request(`${PUBLIC}?a=${"x".repeat(64 * 1024)}`, { method: "POST", headers, body: "a=b" });
    const many = new Request(PUBLIC, { method: "POST", headers, body: "a&".repeat(16_000) });
    expect([(await sms.fetch(long)).status, (await sms.fetch(many)).status]).toEqual([413, 413]);
    expect(lines).toEqual([expect.stringContaining("URL is longer"), expect.stringContaining("200 parameters")]);
    expect(lines.join("").length).toBeLessThan(500);
  });

  it("is answered 400 when its body breaks off", async () => {
    const { sms, lines } = scene();
    const { headers } = await posted();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("MessageSid=SM1"));
        controller.error(new Error("the connection was reset"));
      },
    });
    const response = await sms.fetch(
      new Request(PUBLIC, { method: "POST", headers, body, duplex: "half" } as RequestInit),
    );
    expect(await errorOf(response)).toBe("400 incomplete: the body broke off before it was complete");
    expect(lines).toEqual([expect.stringMatching(/^warn a webhook was refused with 400/)]);
  });

  it.each([
    ["405", "another method", { method: "PUT" }, {}],
    ["415", "another content type", {}, { "content-type": "text/plain" }],
    ["400", "no signature", {}, { "x-twilio-signature": "" }],
    ["403", "a wrong signature", {}, { "x-twilio-signature": "bm90IGl0" }],
  ])(
    "is answered %s for %s, as JSON, with one line in the log and nothing stored",
    async (status, _, init, headers) => {
      const { sms, lines, stored } = scene();
      const request = await posted();
      const response = await sms.fetch(
        new Request(PUBLIC, { ...request, ...init, headers: { ...request.headers, ...headers } }),
      );
      expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(await errorOf(response)).toMatch(new RegExp(`^${status} webhook_rejected: \\S`));
      expect(response.headers.get("allow")).toBe(status === "405" ? "POST, GET" : null);
      expect(lines).toEqual([expect.stringMatching(/^warn \S/)]);
      expect(lines.join()).not.toContain(PERSON);
      expect(await stored()).toEqual([]);
    },
  );

  it("is refused when a parameter was changed on the way", async () => {
    const { sms } = scene();
    const request = await posted();
    const changed = new Request(PUBLIC, { ...request, body: request.body.replace("table", "chair") });
    expect((await sms.fetch(changed)).status).toBe(403);
  });
});

describe("a ledger that fails", () => {
  const down = new OwnlineError("storage_unavailable", "the disk is full", { retryable: true });

  it.each([
    ["a text", "recordInbound", textParams(), ""],
    [
      "a status",
      "recordStatus",
      new URLSearchParams({ MessageSid: `SM${"1".repeat(32)}`, MessageStatus: "delivered" }),
      "?ownline=out.1",
    ],
  ] as const)("makes %s come again: 503, never 200", async (_, method, params, query) => {
    const { sms, lines } = scene({ storage: failing(method, down) });
    const response = await sms.fetch(new Request(PUBLIC + query, await posted(params, query)));
    expect(await errorOf(response)).toBe("503 storage_unavailable: the text could not be stored; send it again");
    expect(response.headers.get("retry-after")).toBe("5");
    expect(lines).toEqual([expect.stringMatching(/^error a webhook was answered 503.*the disk is full/)]);
  });

  it("in an unforeseen way is answered 500, without the reason", async () => {
    const { sms, lines } = scene({ storage: failing("recordInbound", new TypeError(`secret of ${PERSON}`)) });
    const response = await sms.fetch(new Request(PUBLIC, await posted()));
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await errorOf(response)).toBe("500 internal: the text could not be handled; send it again");
    expect(lines).toEqual([expect.stringMatching(/^error a webhook was answered 500.*TypeError$/)]);
  });
});

describe("what a transport writes about a refused request", () => {
  it("is one line of at most 4000 characters", async () => {
    const log = `x\n2026-01-01 forged\u2028line\u001b[2J${"y".repeat(10_000)}`;
    const transport = fakeTransport();
    transport.receive = async () => ({ kind: "rejected", httpStatus: 403, reason: "no", log });
    const { sms, lines } = scene({ transport });
    expect((await sms.fetch(new Request(PUBLIC, { method: "POST", body: "a=b" }))).status).toBe(403);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^warn x 2026-01-01 forged line \[2Jy+$/);
    expect(lines[0]?.length).toBe("warn ".length + 4000);
  });
});

describe("a GET webhook", () => {
  it("is read from its query", async () => {
    const { sms, stored } = scene();
    const query = `?${textParams()}`;
    const signed = await posted(new URLSearchParams(), query);
    const { "x-twilio-signature": signature = "" } = signed.headers;
    const response = await sms.fetch(new Request(PUBLIC + query, { headers: { "x-twilio-signature": signature } }));
    expect(response.status).toBe(200);
    expect(await stored()).toMatchObject([{ body: textParams().get("Body") }]);
  });
});
