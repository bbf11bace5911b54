import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loopGuard } from "../../src/policy/loop-guard.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { type Rig, type RigOptions, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 }, sending: { rateLimit: false } } as const;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const WORDS =
  "table order booking river paper window garden ticket market summer coffee silver planet bridge orange castle music".split(
    " ",
  );
/** Other words each time. */
function newWords(index: number): string {
  const word = (step: number) => WORDS[(index * step + step) % WORDS.length];
  return `Number ${index}: about the ${word(1)}, the ${word(3)} and then the ${word(5)} near the ${word(7)}, please.`;
}

/** Texts every so often, and works on each before the next one. */
async function textAll(house: Rig, count: number, everyMs: number, first = 0): Promise<void> {
  for (let index = first; index < first + count; index += 1) {
    await house.text(newWords(index));
    await house.sms.processDue();
    await house.clock.advance(everyMs);
  }
}

const silenced = (house: Rig) => house.notices.filter(({ kind }) => kind === "silenced").map(({ detail }) => detail);

describe("the default limits", () => {
  it("answer a person who texts 40 times in an hour 40 times", async () => {
    await using house = rig(NOW);
    await textAll(house, 40, HOUR / 40);
    expect(house.provider.sent).toHaveLength(40);
    expect(house.notices).toEqual([]);
  });

  it("stop a robot that writes new words every 28 seconds within the hour, and for the day after 150 answers", async () => {
    await using house = rig(NOW);
    const anHour = Math.floor(HOUR / (28 * SECOND));
    await textAll(house, anHour, 28 * SECOND);
    expect([house.asked.length, house.provider.sent.length]).toEqual([45, 45]);
    expect(silenced(house)).toEqual([expect.stringContaining("45 answers to one person within 3600 s")]);
    await textAll(house, 4 * anHour, 28 * SECOND, anHour);
    expect([house.asked.length, house.provider.sent.length]).toEqual([150, 150]);
    expect(silenced(house).at(-1)).toContain("150 answers to one person within 86400 s");
    expect(silenced(house)).toHaveLength(4);
  });
});

describe("several processes over one ledger", () => {
  const folder = mkdtempSync(join(tmpdir(), "ownline-loops-"));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("share the limits", async () => {
    const clock = manualClock();
    const open = (): RigOptions => ({ ...NOW, clock, storage: sqlite(join(folder, "one.db"), { clock }) });
    await using one = rig(open());
    await using other = rig(open());
    for (let index = 0; index < 30; index += 1) {
      const house = index % 2 === 0 ? one : other;
      await house.text(newWords(index));
      await house.sms.processDue();
      await clock.advance(SECOND);
    }
    expect(one.asked.length + other.asked.length).toBe(12);
    expect(one.provider.sent.length + other.provider.sent.length).toBe(12);
    expect(one.provider.sent).toHaveLength(6);
  });
});

describe("an auto-reply that the ledger does not take", () => {
  /** What rode on the webhooks' answers. */
  function rides(house: Rig): (string | null)[] {
    const rode: (string | null)[] = [];
    house.provider.acknowledge = (reply) => {
      rode.push(reply?.body ?? null);
      return new Response(null);
    };
    return rode;
  }

  it("is reported once per window where its limit is full, with the limit, and leaves again after it", async () => {
    const policies = [loopGuard({ limits: [{ max: 2, windowMs: HOUR }] })];
    await using house = rig({ ...NOW, autoReply: "Got it.", policies });
    const rode = rides(house);
    // The AI stays silent, so that its own limit is not met.
    house.script = () => ({ kind: "silence" });
    await textAll(house, 5, SECOND);
    expect(rode).toEqual(["Got it.", "Got it.", null, null, null]);
    expect(house.messages.filter(({ direction }) => direction === "inbound")).toHaveLength(5);
    expect(house.notices).toMatchObject([
      {
        kind: "silenced",
        messageId: null,
        detail: expect.stringMatching(/^the auto-reply was not sent: .*2 answers to one person within 3600 s/),
      },
    ]);
    expect(house.sms.counts()).toMatchObject({ silenced: 1 });
    await house.clock.advance(HOUR);
    await textAll(house, 1, SECOND, 5);
    expect(rode.at(-1)).toBe("Got it.");
  });

  it.each<[string, Policy["send"], string]>([
    ["holds messages back", () => ({ delayMs: HOUR }), "a policy delays messages"],
    ["forbids it", () => ({ cancel: "closed today" }), "closed today"],
  ])("is reported where a policy %s", async (_, send, why) => {
    const night: Policy = { name: "night", ...(send && { send }) };
    await using house = rig({ ...NOW, autoReply: "Got it.", policies: [night] });
    const rode = rides(house);
    await house.text("hello");
    expect(rode).toEqual([null]);
    expect(house.notices).toMatchObject([
      { kind: "cancelled", messageId: null, detail: expect.stringContaining(`the auto-reply was not sent: ${why}`) },
    ]);
  });

  it("is reported under the policy's name where a policy replied", async () => {
    const hours: Policy = {
      name: "hours",
      inbound: () => ({ answer: true, reply: "We are open.", reason: "asked for the hours" }),
      send: () => ({ cancel: "closed today" }),
    };
    await using house = rig({ ...NOW, policies: [hours] });
    await house.text("hello");
    expect(house.notices[0]).toMatchObject({
      kind: "cancelled",
      detail: 'the reply of the policy "hours" was not sent: closed today',
    });
  });

  it("is reported while a person has taken over; an opt-out is reported with the text alone", async () => {
    await using house = rig({ ...NOW, autoReply: "Got it." });
    const { conversationId } = await house.text("hello");
    await house.sms.pause(conversationId);
    await house.text("are you there?");
    await house.sms.resume(conversationId);
    await house.text("STOP");
    const before = house.notices.length;
    await house.text("hello again");
    expect(house.notices.slice(0, before).map(({ detail }) => detail)).toContainEqual(
      "the auto-reply was not sent: an operator has taken over",
    );
    expect(house.notices.slice(before)).toMatchObject([
      { kind: "not-answered", detail: expect.stringContaining("opted out") },
    ]);
  });

  it("costs no acknowledgement where the ledger cannot say which limit is full", async () => {
    const policies = [loopGuard({ limits: [{ max: 1, windowMs: HOUR }] })];
    await using house = rig({ ...NOW, autoReply: "Got it.", policies });
    house.storage.counters = () => Promise.reject(new Error("away"));
    await house.text("hello");
    await house.text("hello again");
    expect(silenced(house)).toEqual([expect.stringContaining("a limit of a policy was full")]);
    expect(house.errors).toHaveLength(1);
  });
});
