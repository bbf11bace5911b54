import { request as httpRequest } from "node:http";
import fc from "fast-check";
import createClient from "twilio";
import { describe, expect, it } from "vitest";
import { twilio } from "../../../src/transport/twilio/twilio.ts";
import restVectors from "../../vectors/rest.json" with { type: "json" };
import { bench, OURS, officialClient, PERSON, SERVICE, single, WEBHOOK } from "./emulator-bench.ts";

describe("creating a message", () => {
  it("takes it, shows it as Twilio does, and reports its way", async () => {
    const { emulator, send, hooks, statuses } = bench();
    const result = await send();
    expect(result).toMatchObject({ kind: "accepted", status: "accepted", rawStatus: "queued" });
    await emulator.idle();
    expect(single(emulator)).toMatchObject({
      direction: "outbound-api",
      from: OURS,
      to: PERSON,
      body: "Hello",
      status: "delivered",
    });
    expect(statuses()).toEqual(["sent", "delivered"]);
    expect(hooks[0]?.url).toBe(`${WEBHOOK}&ownline=out_1.1`);
    expect(emulator.requests).toMatchObject([{ method: "POST", params: { From: OURS, To: PERSON }, httpStatus: 201 }]);
  });

  it("has the same fields as Twilio's own example", async () => {
    const { create } = bench();
    const example = restVectors.find(({ id }) => id === "messages.create.create")?.body;
    const { status, body } = await create({ From: OURS, To: PERSON, Body: "Hello! 👍" });
    expect(status).toBe(201);
    expect(Object.keys(body).toSorted()).toEqual(Object.keys(example ?? {}).toSorted());
    expect(body.sid).toMatch(/^SM[0-9a-f]{32}$/);
    expect(body.date_created).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
  });

  it.each<[string, number, Record<string, string | string[]>]>([
    ["the person as sender", 21659, { From: PERSON }],
    ["a sender of another account", 21660, { From: "+15550009999" }],
    ["a sender that is not a number", 21212, { From: "12 34" }],
    ["a sender that cannot text", 21661, { From: "+15550001111" }],
    ["a sender that cannot send pictures", 21621, { From: "+15550002222", MediaUrl: "https://example.com/a.png" }],
    ["a channel that is not ours", 63007, { From: "whatsapp:+15550003333" }],
    ["a recipient that is not a number", 21211, { To: "11234x" }],
    ["a short code as recipient", 21265, { To: "38438" }],
    ["sender and recipient the same", 21266, { To: OURS }],
    ["another channel than the sender's", 21612, { To: `whatsapp:${PERSON}` }],
    ["no recipient", 21604, { To: "" }],
    ["no sender", 21603, { From: "" }],
    ["no text", 21602, { Body: "" }],
    ["1,601 characters", 21617, { Body: "x".repeat(1601) }],
    ["eleven pictures", 21623, { MediaUrl: Array.from({ length: 11 }, (_, n) => `https://example.com/${n}.png`) }],
    ["a picture without a URL", 21620, { MediaUrl: "a.png" }],
    ["a callback that is no URL", 21609, { StatusCallback: "/status" }],
    ["a callback with an underscore in its host", 21609, { StatusCallback: "https://my_host.test/" }],
    ["an unknown Messaging Service", 21701, { From: "", MessagingServiceSid: "MGx" }],
    ["a number outside of the Messaging Service", 21712, { From: "+15550002222", MessagingServiceSid: SERVICE }],
  ])("refuses %s: %i", async (_, code, changes) => {
    const { emulator, create } = bench({
      numbers: [
        OURS,
        { phoneNumber: "+15550001111", capabilities: ["voice"] },
        { phoneNumber: "+15550002222", capabilities: ["sms"] },
      ],
      services: [{ sid: SERVICE, senders: [OURS] }],
      foreignNumbers: ["+15550009999"],
    });
    const { status, body } = await create({ From: OURS, To: PERSON, Body: "Hello", ...changes });
    expect({ status, code: body.code }).toEqual({ status: 400, code });
    expect(Object.keys(body)).toEqual(["code", "message", "more_info", "status"]);
    expect(emulator.messages).toEqual([]);
  });

  it("takes exactly 1,600 characters and ten pictures", async () => {
    const { create } = bench();
    const MediaUrl = Array.from({ length: 10 }, (_, n) => `https://example.com/${n}.png`);
    expect(await create({ From: OURS, To: PERSON, Body: "x".repeat(1600), MediaUrl })).toMatchObject({ status: 201 });
  });

  it("picks the number of a Messaging Service after taking the message", async () => {
    const { emulator, send, statuses } = bench({ services: [{ sid: SERVICE, senders: [OURS] }] });
    expect(await send({ line: SERVICE, from: SERVICE })).toMatchObject({ kind: "accepted", rawStatus: "accepted" });
    expect(single(emulator).from).toBeNull();
    await emulator.idle();
    expect(single(emulator).from).toBe(OURS);
    expect(statuses()).toEqual(["queued", "sent", "delivered"]);
  });

  it("never sends from a number that the account does not own", async () => {
    const { emulator, create } = bench({ statuses: "manual" });
    const numbers = fc.oneof(fc.constantFrom(OURS, PERSON, "38438", ""), fc.string({ maxLength: 15 }));
    await fc.assert(
      fc.asyncProperty(numbers, numbers, async (From, To) => {
        await create({ From, To, Body: "x" });
        expect(emulator.messages.every(({ from }) => from === OURS)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("shows an outcome that is set, with its code", async () => {
    const { emulator, send, hooks } = bench();
    emulator.setOutcome(PERSON, { status: "undelivered", errorCode: 30003 });
    await send();
    await emulator.idle();
    expect(hooks.map(({ params }) => [params.MessageStatus, params.ErrorCode])).toEqual([
      ["sent", undefined],
      ["undelivered", "30003"],
    ]);
    expect(single(emulator)).toMatchObject({ status: "undelivered", errorCode: 30003 });
  });

  it("waits for the test where statuses are manual", async () => {
    const { emulator, send, statuses } = bench({ statuses: "manual" });
    await send();
    await emulator.idle();
    expect(statuses()).toEqual([]);
    await emulator.report(single(emulator).sid, "delivered");
    await emulator.report(single(emulator).sid, "sent");
    expect(statuses()).toEqual(["delivered", "sent"]);
  });
});

describe("credentials and limits", () => {
  it("lets in the account's token and its API keys alone", async () => {
    const { emulator } = bench({ apiKeys: { SK1: "s" } });
    const webhookUrl = WEBHOOK;
    const { accountSid, authToken } = emulator.credentials;
    const common = { accountSid, authToken, webhookUrl, fetch: emulator.fetch };
    expect(await twilio({ ...common, apiKeySid: "SK1", apiKeySecret: "s" }).senders()).toHaveLength(1);
    const stranger = twilio({ ...common, authToken: "wrong" });
    const request = { outboundId: "o", attempt: 1, line: OURS, from: OURS, to: PERSON, body: "x", media: [] };
    expect(await stranger.send(request)).toMatchObject({ kind: "refused", wholeAccount: true, error: { code: 20003 } });
    await expect(stranger.senders()).rejects.toMatchObject({ code: "transport_rejected", providerCode: 20003 });
    const other = twilio({ ...common, accountSid: "ACother", apiKeySid: "SK1", apiKeySecret: "s" });
    expect(await other.send(request)).toMatchObject({ kind: "refused", error: { code: 20404 } });
    expect(emulator.messages).toEqual([]);
  });

  it("refuses more requests in a second than its options allow", async () => {
    let now = 0;
    const { send } = bench({ maxRequestsPerSecond: 2, now: () => now });
    expect([(await send()).kind, (await send()).kind]).toEqual(["accepted", "accepted"]);
    expect(await send()).toMatchObject({ kind: "refused", refusal: "retry-now", error: { code: 20429 } });
    now = 2000;
    expect((await send()).kind).toBe("accepted");
  });
});

describe("the validity period", () => {
  it("ends what waited for longer as failed with 30036, and never on the phone", async () => {
    let now = Date.UTC(2026, 0, 1);
    const { emulator, send, statuses } = bench({ now: () => now });
    await send({ validityMs: 60_000 });
    now += 60_001;
    await emulator.idle();
    expect(single(emulator)).toMatchObject({ status: "failed", errorCode: 30036, sentAt: null });
    expect(statuses()).toEqual(["failed"]);
    await send({ validityMs: 60_000 });
    now += 60_000;
    await emulator.idle();
    expect(emulator.messages[1]).toMatchObject({ status: "delivered" });
  });

  it.each(["0", "36001", "1.5", "soon"])("is refused as %s", async (ValidityPeriod) => {
    const { create } = bench();
    const refused = await create({ From: OURS, To: PERSON, Body: "x", ValidityPeriod });
    expect(refused).toMatchObject({ status: 400, body: { code: 21624 } });
  });
});

describe("lists", () => {
  it("show what was sent and what came in, over several pages", async () => {
    let now = Date.UTC(2026, 0, 1);
    const { emulator, transport, send } = bench({ now: () => now });
    const since = now + 3000;
    for (let n = 0; n < 205; n++) {
      now += 1000;
      await send({ body: String(n) });
    }
    await emulator.idle();
    const media = [1, 2].map((n) => ({ url: `https://example.com/${n}.png`, contentType: "image/png" }));
    await emulator.text({ from: PERSON, to: OURS, body: "first", media });
    now += 1000;
    await emulator.text({ from: PERSON, to: OURS, body: "second" });
    const { messages: found } = await transport.find({ from: OURS, to: PERSON, since });
    expect(found).toHaveLength(203);
    expect(found[0]).toMatchObject({ body: "204", status: "delivered" });
    const { messages: inbound, asOf } = await transport.listInbound({ to: OURS, since });
    expect(asOf).toBe(now);
    expect(inbound.map(({ body }) => body)).toEqual(["first", "second"]);
    expect(inbound[0]?.media.map(({ contentType }) => contentType)).toEqual(["image/png", "image/png"]);
  });

  it("keep their pages still while new messages come", async () => {
    let now = Date.UTC(2026, 0, 1);
    const { emulator, transport, send } = bench({ now: () => now, statuses: "manual" });
    for (let n = 0; n < 150; n++) {
      now += 1000;
      await send({ body: String(n) });
    }
    const { accountSid, authToken } = emulator.credentials;
    const reader = twilio({
      accountSid,
      authToken,
      webhookUrl: WEBHOOK,
      fetch: async (url, init) => {
        const page = await emulator.fetch(url, init);
        await transport.send({
          outboundId: "o",
          attempt: 1,
          line: OURS,
          from: OURS,
          to: PERSON,
          body: "new",
          media: [],
        });
        return page;
      },
    });
    const { messages: found } = await reader.find({ from: OURS, to: PERSON, since: 0 });
    expect(new Set(found.map(({ providerMessageId }) => providerMessageId)).size).toBe(found.length);
    expect(found).toHaveLength(150);
  });

  it("show the account's numbers and short codes", async () => {
    const { transport } = bench({ numbers: [OURS, { phoneNumber: "384387", smsUrl: "https://app.test/short" }] });
    expect(await transport.senders()).toEqual([
      { address: OURS, capabilities: ["sms", "mms", "voice"], webhookUrl: WEBHOOK, posts: "here" },
      { address: "384387", capabilities: ["sms"], webhookUrl: "https://app.test/short", posts: "elsewhere" },
    ]);
  });
});

describe("the official package", () => {
  it("creates, reads, lists, redacts, cancels and deletes with it", async () => {
    const { emulator } = bench({ statuses: "manual" });
    const client = officialClient(emulator);
    const statusCallback = "https://app.test/status";
    const created = await client.messages.create({
      from: OURS,
      to: PERSON,
      body: "Hello",
      mediaUrl: ["https://example.com/1.png", "https://example.com/2.png"],
      statusCallback,
    });
    expect(created).toMatchObject({ status: "queued", numMedia: "2", direction: "outbound-api" });
    expect(single(emulator)).toMatchObject({
      sid: created.sid,
      statusCallback,
      mediaUrls: [expect.any(String), expect.any(String)],
    });
    expect((await client.messages(created.sid).fetch()).body).toBe("Hello");
    expect((await client.messages.list({ to: PERSON })).map(({ sid }) => sid)).toEqual([created.sid]);
    expect(await client.messages.list({ to: OURS })).toEqual([]);
    expect(await client.messages(created.sid).media.list()).toHaveLength(2);
    expect((await client.messages(created.sid).update({ body: "" })).body).toBe("");
    expect((await client.messages(created.sid).update({ status: "canceled" })).status).toBe("canceled");
    expect(await client.messages(created.sid).remove()).toBe(true);
    await expect(client.messages(created.sid).fetch()).rejects.toMatchObject({ status: 404, code: 20404 });
    const [number] = await client.incomingPhoneNumbers.list();
    expect(number).toMatchObject({ phoneNumber: OURS, smsUrl: WEBHOOK, capabilities: { sms: true } });
  });

  it("filters by date and pages as it asks for", async () => {
    let now = Date.UTC(2026, 0, 1, 12);
    const { emulator } = bench({ now: () => now });
    const client = officialClient(emulator);
    for (let n = 0; n < 5; n++) {
      await client.messages.create({ from: OURS, to: PERSON, body: String(n) });
      await emulator.idle();
      now += 86_400_000;
    }
    const bodies = async (filter: Parameters<typeof client.messages.list>[0]): Promise<string[]> =>
      (await client.messages.list(filter as object)).map(({ body }) => body);
    expect(await bodies({ pageSize: 2 } as never)).toEqual(["4", "3", "2", "1", "0"]);
    expect(await bodies({ dateSentAfter: new Date(Date.UTC(2026, 0, 3)) } as never)).toEqual(["4", "3", "2"]);
    expect(await bodies({ dateSentBefore: new Date(Date.UTC(2026, 0, 2)) } as never)).toEqual(["0"]);
  });

  it("throws the same errors as with Twilio", async () => {
    const { emulator } = bench();
    const sending = officialClient(emulator).messages.create({ from: PERSON, to: OURS, body: "spoofed" });
    await expect(sending).rejects.toMatchObject({
      status: 400,
      code: 21659,
      moreInfo: "https://www.twilio.com/docs/errors/21659",
    });
  });

  it("finds every webhook and callback rightly signed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme", maxLength: 50 }),
        fc.string({ maxLength: 20 }),
        async (body, query) => {
          const { emulator, hooks, send } = bench({
            smsUrl: `https://user:pass@app.test/sms?q=${encodeURIComponent(query)}#rc=2`,
          });
          await emulator.text({ from: PERSON, to: OURS, body });
          await send({ to: "+12345678901" });
          await emulator.idle();
          expect(hooks).toHaveLength(3);
          for (const { url, headers, params } of hooks) {
            expect(url).not.toMatch(/user|#/);
            const signature = headers.get("X-Twilio-Signature") ?? "";
            expect(createClient.validateRequest(emulator.credentials.authToken, signature, url, params)).toBe(true);
          }
          expect(hooks[0]?.headers.get("Authorization")).toBe(`Basic ${btoa("user:pass")}`);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("over HTTP", () => {
  it("serves the API on loopback, posts to real servers, and stops", async () => {
    const { emulator } = bench();
    expect(() => emulator.url).toThrow(/listen\(\) first/);
    const url = await emulator.listen();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(emulator.url).toBe(url);
    const { accountSid, authToken } = emulator.credentials;
    const transport = twilio({ accountSid, authToken, webhookUrl: WEBHOOK, apiUrl: url });
    expect(await transport.senders()).toHaveLength(1);
    await emulator.close();
    await expect(transport.senders()).rejects.toMatchObject({ code: "transport_unavailable" });
  });

  it("takes the next free port", async () => {
    const first = bench().emulator;
    const second = bench().emulator;
    const port = Number(new URL(await first.listen()).port);
    expect(Number(new URL(await second.listen(port)).port)).toBeGreaterThan(port);
  });

  it("lets a hanging request go when it closes", async () => {
    const { emulator } = bench();
    const url = await emulator.listen();
    emulator.faults.next({ kind: "hang" });
    const { accountSid, authToken } = emulator.credentials;
    const transport = twilio({ accountSid, authToken, webhookUrl: WEBHOOK, apiUrl: url });
    emulator.onMessage(() => void emulator.close());
    const request = { outboundId: "o", attempt: 1, line: OURS, from: OURS, to: PERSON, body: "x", media: [] };
    expect((await transport.send(request)).kind).toBe("unknown");
  });

  it("refuses a body without end", async () => {
    const url = new URL(await bench().emulator.listen());
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest({ host: url.hostname, port: url.port, method: "POST", path: "/" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
      request.write("x".repeat(1024 * 1024 + 1));
    });
    expect(status).toBe(413);
  });
});

describe("setOutcome", () => {
  it.each<[string, unknown]>([
    ["a word", "queued"],
    ["a status on the way", { status: "queued" }],
    ["another status on the way", { status: "accepted" }],
    ["a status of texts that came in", { status: "received" }],
    ["no status", {}],
    ["nothing", undefined],
    ["null", null],
    ["a code that is text", { status: "failed", errorCode: "30003" }],
  ])("refuses %s where it is called", (_, outcome) => {
    const { emulator } = bench();
    expect(() => Reflect.apply(emulator.setOutcome, emulator, [PERSON, outcome])).toThrow(
      expect.objectContaining({ code: "invalid_options" }),
    );
  });
});
