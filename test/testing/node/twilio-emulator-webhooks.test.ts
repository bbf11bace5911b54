import fc from "fast-check";
import createClient from "twilio";
import { describe, expect, it } from "vitest";
import type { EmulatedMessage, EmulatedTextResult } from "../../../src/testing/node/node.ts";
import { messagingResponse } from "../../../src/transport/twilio/twilio.ts";
import { type Bench, bench, OURS, PERSON, SERVICE, single, twiml, WEBHOOK } from "./emulator-bench.ts";

const answered = async (answer: () => Response): Promise<Bench & { replies: readonly EmulatedMessage[] }> => {
  const made = bench({}, ({ params }) => (params.MessageStatus ? twiml("") : answer()));
  const { replies } = await made.emulator.text({ from: PERSON, to: OURS, body: "Hi" });
  await made.emulator.idle();
  return { ...made, replies };
};

const refused = (): never => {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) });
};
const reset = (): never => {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNRESET" }) });
};
const failing = (): Response => new Response("", { status: 503 });
const missing = (): Response => new Response("", { status: 404 });

const textTo = ({ emulator }: Bench, body: string): Promise<EmulatedTextResult> =>
  emulator.text({ from: PERSON, to: OURS, body });

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

describe("a person's text", () => {
  it("is posted as Twilio posts it, and verified and read by the transport", async () => {
    const results: unknown[] = [];
    const { emulator, transport } = bench({
      deliver: async (request) => {
        const { method, url, headers } = request;
        results.push(await transport.receive({ method, url, headers, body: await request.text() }));
        return transport.acknowledge(null);
      },
    });
    const media = [{ url: "https://example.com/a.png", contentType: "image/png" }];
    const { sid, response, replies } = await emulator.text({ from: PERSON, to: OURS, body: "Hi & é", media });
    expect(response).toMatchObject({ status: 200, contentType: "text/xml; charset=utf-8" });
    expect(replies).toEqual([]);
    expect(results).toMatchObject([
      { kind: "inbound", message: { providerMessageId: sid, from: PERSON, to: OURS, body: "Hi & é", media } },
    ]);
    expect(single(emulator)).toMatchObject({ sid, direction: "inbound", status: "received" });
    expect(emulator.alerts).toEqual([]);
  });

  it("comes by GET where the number is set so", async () => {
    const results: unknown[] = [];
    const { emulator, transport } = bench({
      numbers: [{ phoneNumber: OURS, smsMethod: "GET" }],
      deliver: async ({ method, url, headers }) => {
        results.push(await transport.receive({ method, url, headers, body: "" }));
        return transport.acknowledge(null);
      },
    });
    await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(results).toMatchObject([{ kind: "inbound", message: { body: "Hi" } }]);
  });

  it("goes to the Messaging Service's webhook where it has one", async () => {
    const services = [{ sid: SERVICE, senders: [OURS], smsUrl: "https://app.test/service" }];
    const { emulator, hooks } = bench({ services });
    await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(hooks).toMatchObject([{ url: "https://app.test/service", params: { MessagingServiceSid: SERVICE } }]);
  });

  it("can only go to a number of the account", async () => {
    const { emulator } = bench();
    await expect(emulator.text({ from: PERSON, to: PERSON, body: "Hi" })).rejects.toMatchObject({
      code: "invalid_address",
    });
  });

  it("is posted again on request, the same", async () => {
    const { emulator, hooks } = bench();
    const { sid } = await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    await emulator.redeliver(sid);
    expect(hooks[1]?.params).toEqual(hooks[0]?.params);
    expect(emulator.messages).toHaveLength(1);
    await expect(emulator.redeliver("SMx")).rejects.toMatchObject({ code: "not_found" });
  });

  it("reaches the webhook that was set last", async () => {
    const { emulator, hooks } = bench();
    emulator.setWebhook(OURS, "https://app.test/other");
    await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(hooks[0]?.url).toBe("https://app.test/other");
    expect(() => emulator.setWebhook(PERSON, "https://app.test/")).toThrow(/does not own/);
  });
});

describe("what the application answers", () => {
  it("becomes texts with callbacks of their own", async () => {
    const reply = {
      body: "Closed & <gone>",
      media: ["https://example.com/a.png?x=1&y=2"],
      statusCallback: `${WEBHOOK}&ownline=out_2.1`,
    };
    const { replies, hooks, emulator } = await answered(() => twiml(messagingResponse([reply, { body: "two\r\n " }])));
    expect(replies).toMatchObject([
      { direction: "outbound-reply", from: OURS, to: PERSON, body: reply.body, mediaUrls: reply.media },
      { body: "two\r\n " },
    ]);
    expect(hooks.slice(1).map(({ url }) => url)).toEqual([reply.statusCallback, reply.statusCallback]);
    expect(emulator.alerts).toEqual([]);
  });

  it("is sent word for word as text/plain, which is why a service should not", async () => {
    const { replies } = await answered(() => twiml("<Response/>", "text/plain"));
    expect(replies).toMatchObject([{ body: "<Response/>" }]);
  });

  it.each<[string, number, () => Response]>([
    ["JSON", 12300, () => Response.json({})],
    ["broken XML", 12100, () => twiml("<Response><Message>Hi</Response>")],
    ["an unknown entity", 12100, () => twiml("<Response><Message>&nbsp;</Message></Response>")],
    ["two roots", 12100, () => twiml("<Response/><Response/>")],
    ["another root", 12100, () => twiml("<response/>")],
    ["an unknown verb", 12200, () => twiml("<Response><message>Hi</message></Response>")],
    ["an empty message", 14103, () => twiml("<Response><Message></Message></Response>")],
    ["1,601 characters", 21617, () => twiml(`<Response><Message>${"x".repeat(1601)}</Message></Response>`)],
    ["more than 64 kB", 11750, () => twiml(`<Response><!--${"x".repeat(65_536)}--></Response>`)],
    ["a sender that is not ours", 21659, () => twiml(`<Response><Message from="${PERSON}">x</Message></Response>`)],
    ["an error", 11200, () => new Response("", { status: 503 })],
  ])("sends nothing and raises an alert for %s: %i", async (_, code, answer) => {
    const { replies, emulator } = await answered(answer);
    expect(replies).toEqual([]);
    expect(emulator.alerts).toMatchObject([{ code, messageSid: single(emulator).sid }]);
  });

  it("is sent up to ten messages, and no further", async () => {
    const { replies, emulator } = await answered(() =>
      twiml(`<Response>${"<Message>x</Message>".repeat(11)}</Response>`),
    );
    expect(replies).toHaveLength(10);
    expect(emulator.alerts).toMatchObject([{ code: 14109 }]);
  });

  it("is read as XML: CDATA, comments, entities, either quote, Body and Media", async () => {
    const { replies } = await answered(() =>
      twiml(
        `<?xml version="1.0"?>\n<Response>\n<!-- <Message>no</Message> -->` +
          `<Message statusCallback='https://app.test/?a=1&amp;b=2'><Body><![CDATA[a < b]]> &#x1F642;&#38;</Body></Message></Response>`,
      ),
    );
    expect(replies).toMatchObject([{ body: "a < b 🙂&", statusCallback: "https://app.test/?a=1&b=2" }]);
  });

  it("agrees with the official package's TwiML, for any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }), async (body) => {
        fc.pre(!/[^\t\n\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u.test(body));
        const official = new createClient.twiml.MessagingResponse();
        official.message(body);
        const { replies } = await answered(() => twiml(official.toString()));
        expect(replies.map((reply) => reply.body)).toEqual([body]);
      }),
      { numRuns: 50 },
    );
  });

  it("may come from where it redirects to", async () => {
    const { emulator, hooks } = bench({}, ({ url }) =>
      twiml(
        url.endsWith("/next")
          ? "<Response><Message>Hi</Message></Response>"
          : "<Response><Redirect>/next</Redirect></Response>",
      ),
    );
    const { replies } = await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(replies).toMatchObject([{ body: "Hi" }]);
    expect(hooks.map(({ url }) => url)).toEqual([WEBHOOK, "https://app.test/next"]);
  });
});

describe("a webhook that fails", () => {
  it.each<[string, string, () => Response, number]>([
    ["once after a failed connection, by default", "", refused, 2],
    ["never after a broken one, by default", "", reset, 1],
    ["never after an HTTP error, by default", "", failing, 1],
    ["as often as rc says, for all that rp says", "#rc=5&rp=all", failing, 6],
    ["for the kinds of rp alone", "#rc=2&rp=5xx", failing, 3],
    ["for the kinds of rp alone", "#rc=2&rp=5xx", missing, 1],
    ["for 4xx where rp says so", "#rc=1&rp=4xx,ct", missing, 2],
    ["never with rc=0", "#rc=0", refused, 1],
  ])("is repeated %s (%j)", async (_, fragment, answer, tries) => {
    const { emulator, hooks } = bench({ smsUrl: WEBHOOK + fragment }, answer);
    await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(hooks).toHaveLength(tries);
    expect(new Set(hooks.map(({ headers }) => headers.get("I-Twilio-Idempotency-Token"))).size).toBe(1);
    expect(hooks[0]?.url).toBe(WEBHOOK);
    expect(emulator.alerts).toMatchObject([{ code: 11200 }]);
  });

  it("is followed by the fallback, whose answer counts", async () => {
    const numbers = [{ phoneNumber: OURS, smsUrl: WEBHOOK, smsFallbackUrl: "https://app.test/fallback" }];
    const { emulator, hooks } = bench({ numbers }, ({ url }) =>
      url.endsWith("/fallback") ? twiml("<Response><Message>Sorry</Message></Response>") : failing(),
    );
    const { replies } = await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(hooks[1]?.params).toMatchObject({ Body: "Hi", ErrorCode: "11200", ErrorUrl: WEBHOOK });
    expect(replies).toMatchObject([{ body: "Sorry" }]);
  });

  it("is given up when the answer takes too long", async () => {
    const { emulator } = bench({ webhookTimeoutMs: 5, deliver: ({ signal }) => untilAborted(signal) });
    const { response } = await emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    expect(response).toBeNull();
    expect(emulator.alerts).toMatchObject([{ code: 11200 }]);
  });
});

describe("opting out", () => {
  it("is answered and enforced by Twilio, and still posted", async () => {
    const made = bench();
    const { replies } = await textTo(made, " stop ");
    expect(replies).toMatchObject([{ direction: "outbound-reply", from: OURS, to: PERSON }]);
    expect(made.hooks[0]?.params.Body).toBe(" stop ");
    expect(await made.send()).toMatchObject({ kind: "refused", refusal: "opted-out", error: { code: 21610 } });
    expect((await made.send({ to: "+12345678901" })).kind).toBe("accepted");
    await textTo(made, "START");
    expect((await made.send()).kind).toBe("accepted");
  });

  it.each(["STOP", "unsubscribe", "End", "quit", "stopall", "revoke", "optout", "cancel"])(
    "happens with %s",
    async (word) => {
      const made = bench();
      await textTo(made, word);
      expect((await made.send()).kind).toBe("refused");
    },
  );

  it.each(["stop it", "don't stop", "yes", "start", "hello"])("does not happen with %j", async (body) => {
    const made = bench();
    expect((await textTo(made, body)).replies).toEqual([]);
    expect((await made.send()).kind).toBe("accepted");
  });

  it("fails the application's own reply to STOP, with a callback", async () => {
    const statusCallback = `${WEBHOOK}&ownline=out_9.1`;
    const made = bench({}, ({ params }) =>
      twiml(params.MessageStatus ? "" : messagingResponse([{ body: "Bye", statusCallback }])),
    );
    await textTo(made, "STOP");
    await made.emulator.idle();
    expect(made.hooks.at(-1)?.params).toMatchObject({ MessageStatus: "failed", ErrorCode: "21610" });
  });

  it("is named in OptOutType with Advanced Opt-Out, and left to the application where that is off", async () => {
    const advanced = bench({ numbers: [{ phoneNumber: OURS, smsUrl: WEBHOOK, optOut: "advanced" }] });
    await textTo(advanced, "HELP");
    expect(advanced.hooks[0]?.params.OptOutType).toBe("HELP");
    const off = bench({ numbers: [{ phoneNumber: OURS, smsUrl: WEBHOOK, optOut: "off" }] });
    expect((await textTo(off, "STOP")).replies).toEqual([]);
    expect((await off.send()).kind).toBe("accepted");
  });

  it("counts for every number of a Messaging Service", async () => {
    const made = bench({
      numbers: [OURS, "+15703251810"],
      services: [{ sid: SERVICE, senders: [OURS, "+15703251810"] }],
    });
    await textTo(made, "STOP");
    expect((await made.send({ from: "+15703251810", line: "+15703251810" })).kind).toBe("refused");
  });
});
