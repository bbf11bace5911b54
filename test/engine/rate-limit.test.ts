import { describe, expect, it } from "vitest";
import { rateLimitOf } from "../../src/engine/outbound/rate-limit.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import type { SendResult } from "../../src/transport/transport.ts";
import { ledger, OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

/** When each message left, in milliseconds from the start. */
function departures(house: Rig): number[] {
  const start = house.clock.now();
  const at: number[] = [];
  const { send } = house.provider;
  house.provider.send = (request) => {
    at.push(house.clock.now() - start);
    return send(request);
  };
  return at;
}

const tooFast: SendResult = {
  kind: "refused",
  refusal: "retry-now",
  wholeAccount: false,
  retryAfterMs: 5000,
  tooFast: true,
  error: { code: 20429, reason: "Too many requests." },
};

const person = (index: number): string => `+1234567${1000 + index}`;

async function sendToMany(house: Rig, count: number, body = "x"): Promise<void> {
  for (let index = 0; index < count; index += 1) await house.sms.send({ key: `${index}`, to: person(index), body });
}

const rateOf = (from: string, segments = 1, own?: number) =>
  rateLimitOf({ sending: { rateLimit: "by-kind" } as never }, { from, segments }, own)?.costMs;

describe("the rate limit of a sender", () => {
  it.each([
    ["a long code", "+15703251809", 1000],
    ["a toll-free number", "+18005551234", 334],
    ["a short code", "384387", 10],
    ["WhatsApp", "whatsapp:+15703251809", 13],
    ["another channel", "rcs:brand", 0],
    ["a Messaging Service", `MG${"a".repeat(32)}`, 0],
  ])("is what the provider takes from %s", (_, from, costMs) => {
    expect(rateOf(from)).toBe(costMs);
  });

  it("counts segments, but messages on a channel; and the sender's own rate before its kind's", () => {
    expect(rateOf(OURS, 3)).toBe(3000);
    expect(rateOf("whatsapp:+15703251809", 3)).toBe(13);
    expect(rateOf(OURS, 3, 10)).toBe(300);
  });

  it("spaces messages to different people a second apart", async () => {
    await using house = rig();
    const at = departures(house);
    await sendToMany(house, 4);
    await house.sms.settled();
    expect(at).toEqual([0, 1000, 2000, 3000]);
  });

  it("spaces the parts of a long reply by their segments", async () => {
    await using house = rig({ burst: { quietMs: 0 }, sending: { maxSegments: 2 } });
    const at = departures(house);
    house.script = () => "A sentence that fills the page. ".repeat(25).trim();
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body.length > 160)).toEqual([true, true, true]);
    expect(at).toEqual([0, 2000, 4000]);
  });

  it("holds for all processes together", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using one = rig({ clock, storage });
    const other = rig({ clock, storage });
    const at = [departures(one), departures(other)];
    await sendToMany(one, 6);
    for (let second = 0; second < 6; second += 1) {
      await Promise.all([one.sms.processDue(), other.sms.processDue()]);
      await clock.advance(1000);
    }
    expect(at.flat().toSorted((a, b) => a - b)).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
  });

  it.each<[string, RigOptions, number[]]>([
    ["a function", { sending: { rateLimit: () => 4 } }, [0, 250, 500]],
    ["a function that sets no limit", { sending: { rateLimit: () => null } }, [0, 0, 0]],
    ["the sender's own rate", { senders: [{ address: OURS, ratePerSecond: 2 }] as never }, [0, 500, 1000]],
    ["false", { sending: { rateLimit: false } }, [0, 0, 0]],
    ["a rate of the account", { sending: { rateLimit: false, perSecond: 2 } }, [0, 0, 1000]],
  ])("is set by %s", async (_, options, expected) => {
    await using house = rig(options);
    const at = departures(house);
    for (let index = 0; index < 3; index += 1) {
      await house.sms.send({ key: `${index}`, to: person(index), from: OURS, body: "x" });
    }
    await house.sms.settled();
    expect(at).toEqual(expected);
  });

  it("is not guessed where the function is wrong: the message waits, and the error names the remedy", async () => {
    let rate: unknown = 0;
    await using house = rig({ sending: { rateLimit: (() => rate) as never } });
    await sendToMany(house, 1);
    await house.sms.processDue();
    expect(house.provider.sent).toEqual([]);
    expect(house.errors).toMatchObject([{ code: "invalid_options" }]);
    rate = 1;
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
  });

  it("slows down in all processes after a 429, by what the provider asks for, also without a rate", async () => {
    for (const rateLimit of ["by-kind", () => null] as const) {
      const clock = manualClock();
      const storage = ledger(clock);
      await using one = rig({ clock, storage, sending: { rateLimit } });
      const other = rig({ clock, storage, sending: { rateLimit } });
      const at = [departures(one), departures(other)];
      one.provider.answers.push(tooFast);
      await one.sms.send({ key: "first", to: PERSON, body: "x" });
      await one.sms.processDue();
      await one.sms.send({ key: "second", to: person(1), body: "x" });
      for (let second = 0; second < 8; second += 1) {
        await other.sms.processDue();
        await clock.advance(1000);
      }
      expect(at[0]).toEqual([0]);
      expect(at[1]).toHaveLength(2);
      expect(Math.min(...(at[1] ?? []))).toBe(5000);
    }
  });

  it("is filed under our number, never under a person's", async () => {
    await using house = rig();
    const keys: string[] = [];
    const { claimSend } = house.storage;
    house.storage.claimSend = (claim) => {
      keys.push(claim.conditions.rateLimit?.key ?? "none");
      return claimSend(claim);
    };
    await sendToMany(house, 1);
    await house.sms.settled();
    expect(keys).toEqual([`rateLimit:${OURS}`]);
  });
});
