import { describe, expect, it } from "vitest";
import type { Message } from "../../src/model/message.ts";
import type { StatusCallback } from "../../src/transport/transport.ts";
import { accepted, lost, OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const MINUTE_MS = 60_000;
const THROTTLED = { code: 30022, reason: "send slower: a rate or queue is full" };

/** The provider reports about an attempt of a message. */
async function report(house: Rig, outboundId: string, extra: Partial<StatusCallback> = {}): Promise<void> {
  const attempt = extra.attempt ?? 1;
  const about = {
    outboundId,
    attempt,
    providerMessageId: `SM${attempt}`,
    status: "failed",
    rawStatus: "failed",
  } as const;
  const receive = house.provider.receive;
  house.provider.receive = async () => ({
    kind: "status",
    callback: { ...about, error: THROTTLED, optOut: false, temporary: true, ...extra },
  });
  await house.sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
  house.provider.receive = receive;
}

async function sent(house: Rig, body = "Your table is ready."): Promise<string> {
  const { id } = await house.sms.send({ key: body.slice(0, 20), to: PERSON, body });
  await house.sms.processDue();
  return id;
}

async function statusOf(house: Rig, id: string): Promise<string | null> {
  const message = await house.sms.message(id);
  return message?.direction === "outbound" ? message.status : null;
}

const bodies = ({ provider }: Rig): string[] => provider.sent.map(({ body }) => body);
const kinds = ({ notices }: Rig): string[] => notices.map(({ kind }) => kind);
const house = (options: RigOptions = {}): Rig =>
  rig({ burst: { quietMs: 0 }, sending: { rateLimit: false }, ...options });

describe("a message that the provider took and did not send for now", () => {
  it("is sent again after a minute, then after two, and a notice says so each time", async () => {
    await using place = house();
    const id = await sent(place);
    await report(place, id);
    expect(await statusOf(place, id)).toBe("waiting");
    await place.clock.advance(MINUTE_MS - 1);
    await place.sms.processDue();
    expect(place.provider.sent).toHaveLength(1);
    await place.clock.advance(1);
    await place.sms.processDue();
    expect(place.provider.sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
    await report(place, id, { attempt: 2 });
    await place.clock.advance(2 * MINUTE_MS - 1);
    await place.sms.processDue();
    expect(place.provider.sent).toHaveLength(2);
    await place.sms.settled();
    expect(place.provider.sent).toHaveLength(3);
    await report(place, id, { attempt: 3, status: "delivered", rawStatus: "delivered", error: null, temporary: false });
    expect(await statusOf(place, id)).toBe("delivered");
    expect(kinds(place)).toEqual(["retried", "retried"]);
    expect(place.notices[0]?.detail).toContain(THROTTLED.reason);
    const steps = (await place.sms.explain(id))?.steps.join("\n");
    expect(steps).toMatch(/attempt 1 .*failed.*send slower.*attempt 2 .*failed.*attempt 3 /s);
  });

  it("is failed for good where the provider does not call it temporary", async () => {
    await using place = house();
    const id = await sent(place);
    await report(place, id, { temporary: false, error: { code: 30003, reason: "unreachable" } });
    await place.sms.settled();
    expect([await statusOf(place, id), place.provider.sent.length, kinds(place)]).toEqual(["failed", 1, ["failed"]]);
  });

  it("keeps its place before the parts that have not left", async () => {
    await using place = house({ sending: { rateLimit: false, maxSegments: 1 } });
    const body = Array.from({ length: 40 }, (_, index) => `word${index}`).join(" ");
    place.provider.answers.push(async () => {
      await report(place, first, {});
      return accepted("SM1");
    });
    const { id: first, parts } = await place.sms.send({ key: "long", to: PERSON, body });
    await place.sms.settled();
    expect(parts).toBeGreaterThan(1);
    const [one, ...others] = bodies(place);
    expect(others).toHaveLength(parts);
    expect(others[0]).toBe(one);
    expect(others.join(" ")).toBe(body);
  });

  it("does not leave to a person who has texted STOP meanwhile", async () => {
    await using place = house();
    const id = await sent(place);
    await report(place, id);
    await place.text("STOP");
    await place.sms.settled();
    expect([await statusOf(place, id), place.provider.sent.length]).toEqual(["cancelled", 1]);
  });

  it("asks the policies anew, and does not count as a second message", async () => {
    const asked: (number | undefined)[] = [];
    let isClosed = false;
    await using place = house({
      policies: [
        {
          name: "hours",
          send({ message }) {
            asked.push(message?.attempts);
            const counters = [
              { key: "daily", windowMs: 86_400_000, max: 1, full: "cancel", reason: "enough" } as const,
            ];
            return isClosed ? { cancel: "closed" } : { counters };
          },
        },
      ],
    });
    const id = await sent(place);
    await report(place, id);
    await place.sms.settled();
    expect([place.provider.sent.length, asked]).toEqual([2, [0, 1]]);
    await report(place, id, { attempt: 2 });
    isClosed = true;
    await place.sms.settled();
    expect([await statusOf(place, id), place.provider.sent.length]).toEqual(["cancelled", 2]);
  });

  it("does not leave while a person has taken over", async () => {
    await using place = house();
    const text = await place.text("hello");
    await place.sms.processDue();
    const [reply] = (await place.history(text)).filter((message: Message) => message.direction === "outbound");
    await report(place, reply?.id ?? "");
    await place.sms.pause(text.conversationId);
    await place.sms.settled();
    expect([await statusOf(place, reply?.id ?? ""), place.provider.sent.length]).toEqual(["cancelled", 1]);
  });

  it("waits for its turn at the sender's rate", async () => {
    await using place = house({ sending: { rateLimit: () => 0.01 } });
    const id = await sent(place);
    await report(place, id);
    await place.clock.advance(MINUTE_MS);
    await place.sms.processDue();
    expect(place.provider.sent).toHaveLength(1);
    await place.clock.advance(40_000);
    await place.sms.processDue();
    expect(place.provider.sent).toHaveLength(2);
  });

  it("ends at its expiry, however often the provider does so", async () => {
    await using place = house({ sending: { rateLimit: false, expiryMs: 10 * MINUTE_MS } });
    const id = await sent(place);
    for (let attempt = 1; (await statusOf(place, id)) !== "failed"; attempt += 1) {
      expect(attempt).toBeLessThan(6);
      await report(place, id, { attempt });
      await place.sms.settled();
    }
    // 1, 3 and 7 minutes after the first; the next one would come after its expiry.
    expect(place.provider.sent).toHaveLength(4);
    expect(kinds(place)).toEqual(["retried", "retried", "retried", "failed"]);
  });

  it("is not sent again where it was delivered after all, and late reports of its first attempt are not duplicates", async () => {
    await using place = house();
    const delivered = { status: "delivered", rawStatus: "delivered", error: null, temporary: false } as const;
    const one = await sent(place, "one");
    await report(place, one);
    await report(place, one, delivered);
    await place.sms.settled();
    expect([await statusOf(place, one), bodies(place)]).toEqual(["delivered", ["one"]]);

    await using other = house();
    const two = await sent(other, "two");
    await report(other, two);
    await other.sms.settled();
    await report(other, two);
    await report(other, two, { status: "undelivered", rawStatus: "undelivered" });
    await report(other, two, { status: "sent", rawStatus: "sent", error: null, temporary: false });
    await report(other, two, { attempt: 2, ...delivered });
    await other.sms.settled();
    expect([await statusOf(other, two), bodies(other), kinds(other)]).toEqual([
      "delivered",
      ["two", "two"],
      ["retried"],
    ]);
  });

  it("is found so in the provider's list where its answer was lost", async () => {
    await using place = house();
    place.provider.answers.push(lost);
    const createdAt = place.clock.now();
    let entries = 1;
    place.provider.find = async () => {
      const entry = { providerMessageId: "SM9", from: OURS, to: PERSON, body: "Hi", mediaCount: 0, createdAt } as const;
      const status = { status: "failed", error: THROTTLED, temporary: true } as const;
      return { messages: entries > 0 ? [{ ...entry, ...status }] : [], asOf: place.clock.now() };
    };
    const id = await sent(place, "Hi");
    expect(await statusOf(place, id)).toBe("unknown");
    await place.sms.settled();
    entries = 0;
    expect([await statusOf(place, id), place.provider.sent.length]).toEqual(["accepted", 2]);
    expect(kinds(place)).toEqual(["unknown", "found", "retried"]);
  });

  it("notifies the queue, so that a service without a process comes back for it", async () => {
    const wakeUps: number[] = [];
    await using place = house({
      queue: { name: "counted", notify: async ({ delayMs }) => void wakeUps.push(delayMs) },
    });
    const id = await sent(place);
    wakeUps.length = 0;
    await report(place, id);
    expect(wakeUps).toEqual([0]);
    await place.sms.processDue();
    expect(wakeUps.at(-1)).toBe(MINUTE_MS);
  });
});
