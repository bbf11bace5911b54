import { describe, expect, it } from "vitest";
import { OwnlineError } from "../../src/errors.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { InboundRecord, Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { ledger } from "./rig.ts";
import { inbound, MINUTE, type Scene, scene } from "./sweep-scene.ts";

const BAD = "a text that goes wrong";
const OTHER = "+12345678901";

/** Three lost texts of three people, of which the middle one goes wrong. */
function loseThree(one: Scene): void {
  one.lose("SM-1", "before", 3 * MINUTE, "+12345678902");
  one.lose("SM-bad", BAD, 2 * MINUTE);
  one.lose("SM-3", "after", MINUTE, OTHER);
}

/** A storage that throws for one body. */
function refusing(storage: Storage, thrown: () => unknown): Storage {
  const recordInbound = async (record: InboundRecord) => {
    if (record.body === BAD) throw thrown();
    return storage.recordInbound(record);
  };
  return { ...storage, recordInbound };
}

const thrower: Policy = {
  name: "house-rule",
  inbound({ body }) {
    if (body === BAD) throw new Error("a mistake in the rule");
    return null;
  },
};

const bodies = async (one: Scene) => (await inbound(one)).map(({ body }) => body).toSorted();

describe("a lost text that cannot be stored", () => {
  const refusals: [string, () => Scene][] = [
    ["a policy throws for it", () => scene({ policies: [thrower] })],
    [
      "the ledger refuses its content",
      () => {
        const clock = manualClock();
        const refusal = () => new OwnlineError("storage_unavailable", "The database refused a statement.");
        return scene({ clock, storage: refusing(ledger(clock), refusal) });
      },
    ],
    [
      "the storage throws an error of its own for it",
      () => {
        const clock = manualClock();
        return scene({ clock, storage: refusing(ledger(clock), () => new TypeError("invalid byte sequence")) });
      },
    ],
  ];

  it.each(refusals)("stops neither the others nor the watermark, where %s", async (_, make) => {
    const one = make();
    await using house = one.house;
    loseThree(one);
    const asOf = house.clock.now();
    await house.sms.processDue();
    expect(await bodies(one)).toEqual(["after", "before"]);
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect(one.looks.at(-1)?.since).toBe(asOf - 10 * MINUTE);
    expect(one.missing.at(-1)).toEqual(["AC1:SM-bad"]);
  });

  it("is reported once by its id, with the cause and without its text, and tried again within the overlap", async () => {
    const one = scene({ policies: [thrower] });
    await using house = one.house;
    loseThree(one);
    for (let minute = 0; minute < 15; minute += 1) {
      await house.sms.processDue();
      await house.clock.advance(MINUTE);
    }
    expect(house.errors).toHaveLength(1);
    expect(house.errors[0]?.message).toMatch(/SM-bad.*house-rule/s);
    expect(house.errors[0]?.message).not.toContain(BAD);
    const tries = one.missing.filter((keys) => keys.includes("AC1:SM-bad")).length;
    // Two minutes old at the first look; the last one is at the ten minutes of the overlap.
    expect(tries).toBe(10);
  });

  it("is stored when what was wrong is mended in time", async () => {
    let isMended = false;
    const rule: Policy = { name: "rule", inbound: (text) => (isMended ? null : (thrower.inbound?.(text) ?? null)) };
    const one = scene({ policies: [rule] });
    await using house = one.house;
    loseThree(one);
    await house.sms.processDue();
    isMended = true;
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect(await bodies(one)).toEqual([BAD, "after", "before"]);
  });
});

describe("a sweep whose ledger is away", () => {
  it.each<[string, unknown]>([
    ["is down", new OwnlineError("storage_unavailable", "The ledger is away.", { retryable: true })],
    ["was not migrated", new OwnlineError("storage_unmigrated", "Call migrate().")],
  ])("stops where it %s, and begins there again", async (_, thrown) => {
    const clock = manualClock();
    const storage = ledger(clock);
    let isDown = true;
    const stored: string[] = [];
    const recordInbound: Storage["recordInbound"] = async (record) => {
      stored.push(record.body);
      if (isDown) throw thrown;
      return storage.recordInbound(record);
    };
    const one = scene({ clock, storage: { ...storage, recordInbound } });
    await using house = one.house;
    await house.sms.processDue();
    await clock.advance(3 * MINUTE);
    loseThree(one);
    await house.sms.processDue();
    expect(stored).toEqual(["before"]);
    expect(house.errors).toEqual([thrown]);
    isDown = false;
    await clock.advance(30 * MINUTE);
    await house.sms.processDue();
    expect(await bodies(one)).toEqual([BAD, "after", "before"]);
  });

  it("stops where the storage throws what it likes and does not answer anything else either", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    let isDown = false;
    const down = new Error("ECONNREFUSED");
    const recordInbound: Storage["recordInbound"] = async () => {
      isDown = true;
      throw down;
    };
    const unrecorded: Storage["unrecorded"] = async (keys) => {
      if (isDown) throw down;
      return storage.unrecorded(keys);
    };
    const one = scene({ clock, storage: { ...storage, recordInbound, unrecorded } });
    await using house = one.house;
    loseThree(one);
    await house.sms.processDue();
    expect(house.errors).toMatchObject([{ code: "storage_unavailable", cause: down }]);
  });
});

describe("an entry of the provider's list that cannot be read", () => {
  it("is reported once, and the texts beside it are stored", async () => {
    const one = scene();
    await using house = one.house;
    one.unreadable.push(
      { providerMessageId: "SModd", reason: "it has no from" },
      { providerMessageId: null, reason: "it has no sid" },
    );
    one.lose("SM-1", "hello");
    for (let minute = 0; minute < 3; minute += 1) {
      await house.sms.processDue();
      await house.clock.advance(MINUTE);
    }
    expect(await bodies(one)).toEqual(["hello"]);
    expect(house.errors).toMatchObject([
      { code: "transport_unavailable", message: expect.stringContaining("SModd") },
      { code: "transport_unavailable", message: expect.stringContaining("no sid") },
    ]);
  });
});
