import { describe, expect, it } from "vitest";
import { ownline } from "../../src/index.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { memory } from "../../src/storage/memory.ts";
import { twilioEmulator } from "../../src/testing/node/node.ts";
import { manualClock } from "../../src/testing/testing.ts";
import { twilio } from "../../src/transport/twilio/twilio.ts";
import { OTHER, OURS, PERSON, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };
const HALF = "Ready \ud83d";
const WHOLE = "Ready \ufffd";

/** The words of everything that was stored. */
const bodies = (messages: readonly { readonly body: string }[]): string[] => messages.map(({ body }) => body);

describe("a text with half an emoji is stored as the provider gets it", () => {
  it("from the webhook, and the AI and the policies see the same", async () => {
    const seen: string[] = [];
    const policy: Policy = {
      name: "looks",
      inbound({ body }) {
        seen.push(body);
        return null;
      },
    };
    await using house = rig({ ...NOW, policies: [policy] });
    await house.text(HALF);
    await house.sms.settled();
    expect(bodies(house.messages)).toEqual([WHOLE, `re: ${WHOLE}`]);
    expect(seen).toEqual([WHOLE]);
    expect(house.asked[0]?.turn.messages[0]?.body).toBe(WHOLE);
  });

  it("typed in the app", async () => {
    await using house = rig(NOW);
    expect(await house.type(HALF)).toMatchObject({ body: WHOLE });
  });

  it("from the provider's list, which as JSON can spell half a pair", async () => {
    await using house = rig(NOW);
    const text = {
      key: "AC1:SM9",
      providerMessageId: "SM9",
      from: PERSON,
      to: OURS,
      service: null,
      body: HALF,
      media: [],
    };
    house.provider.listInbound = async () => ({
      messages: [{ ...text, optOut: null, occurredAt: house.clock.now() }],
      asOf: house.clock.now() + 1,
    });
    await house.sms.processDue();
    expect(bodies(house.messages)).toContain(WHOLE);
  });

  it("in the AI's reply, with the media's URL", async () => {
    await using house = rig(NOW);
    house.script = () => ({ kind: "text", text: HALF, media: [{ url: "https://a.test/\ud83d", contentType: "" }] });
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent).toMatchObject([{ body: WHOLE, media: [{ url: "https://a.test/\ufffd" }] }]);
  });

  it("in the words of a hand-off", async () => {
    await using house = rig(NOW);
    house.script = () => ({ kind: "hand-off", text: HALF });
    await house.text("hello");
    await house.sms.settled();
    expect(bodies(house.provider.sent)).toEqual([WHOLE]);
  });

  it("in the fallback text", async () => {
    await using house = rig({ ...NOW, answer: { attempts: 1, fallbackText: HALF } });
    house.script = () => Promise.reject(new Error("no"));
    await house.text("hello");
    await house.sms.settled();
    expect(bodies(house.provider.sent)).toEqual([WHOLE]);
  });

  it("by send(), from the service and from an operator", async () => {
    await using house = rig(NOW);
    for (const origin of ["api", "operator"] as const) {
      expect(await house.sms.send({ key: origin, to: OTHER, body: HALF, origin })).toMatchObject({ body: WHOLE });
    }
    await house.sms.settled();
    expect(bodies(house.provider.sent)).toEqual([WHOLE, WHOLE]);
  });

  it("in an auto-reply and in a policy's reply", async () => {
    await using house = rig({ ...NOW, autoReply: ({ body }) => `Got: ${body.slice(0, 1)}\ud83d` });
    await house.text("hello");
    expect(bodies(house.messages)).toContain("Got: h\ufffd");
    const policy: Policy = { name: "replies", inbound: () => ({ answer: false, reply: HALF, reason: "test" }) };
    await using other = rig({ ...NOW, policies: [policy] });
    await other.text("hello");
    expect(bodies(other.messages)).toContain(WHOLE);
  });
});

it("a message whose answer was lost is found in Twilio's list although its text was cut through an emoji", async () => {
  const clock = manualClock();
  const provider = twilioEmulator({ numbers: [OURS], statuses: "manual", now: () => clock.now() });
  const kinds: string[] = [];
  await using sms = ownline({
    senders: [OURS],
    transport: twilio({ ...provider.credentials, webhookUrl: "https://app.test/sms", fetch: provider.fetch }),
    storage: memory({ clock }),
    ai: () => "ok",
    clock,
    sweep: false,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  sms.on("notice", ({ kind }) => kinds.push(kind));
  provider.faults.next({ kind: "drop-after-accept" });
  await sms.send({ key: "k", to: PERSON, body: HALF });
  await sms.settled();
  expect(provider.messages.map(({ body }) => body)).toEqual([WHOLE]);
  expect(kinds).toEqual(["unknown", "found"]);
  await provider.close();
});
