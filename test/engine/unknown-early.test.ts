import { describe, expect, it } from "vitest";
import type { ProviderMessage } from "../../src/transport/transport.ts";
import { lost, OTHER, OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const SECOND_MS = 1000;

interface Books {
  /** Whether the list has a newer message of the sender, to another person. */
  newer: boolean;
  /** The provider's clock stands still at this time. */
  stoppedAt: number | null;
  /** How far the provider's clock is behind. */
  behindMs: number;
  readonly asked: (string | undefined)[];
}

/** A message whose answer was lost, and a list that does not show it. */
async function lostRig(sending: RigOptions["sending"], books: Partial<Books> = {}) {
  const house = rig({ burst: { quietMs: 0 }, sending: { rateLimit: false, ...sending } });
  const list: Books = { newer: true, stoppedAt: null, behindMs: 0, asked: [], ...books };
  const startedAt = house.clock.now();
  house.provider.find = async ({ to, since }) => {
    list.asked.push(to);
    const entry: ProviderMessage = {
      providerMessageId: "SM-newer",
      from: OURS,
      to: OTHER,
      body: "Another one.",
      mediaCount: 0,
      status: "sent",
      createdAt: startedAt + 5 * SECOND_MS,
    };
    const shown = list.newer && entry.createdAt >= since && (to === undefined || to === OTHER);
    return { messages: shown ? [entry] : [], asOf: list.stoppedAt ?? house.clock.now() - list.behindMs };
  };
  house.provider.answers.push(lost);
  const { id } = await house.sms.send({ key: "k", to: PERSON, body: "Your table is ready." });
  await house.sms.processDue();
  return { house, list, id };
}

async function passSeconds(house: Rig, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 5) {
    await house.clock.advance(5 * SECOND_MS);
    await house.sms.processDue();
  }
}

const sends = ({ provider }: Rig): number => provider.sent.length;

describe("sending.unknownEarly", () => {
  it("decides after a minute where the provider's list has passed the message by", async () => {
    const { house } = await lostRig({ unknownEarly: true });
    await using _ = house;
    await passSeconds(house, 45);
    expect(sends(house)).toBe(1);
    await passSeconds(house, 20);
    expect(sends(house)).toBe(2);
    expect(house.notices.map(({ kind }) => kind)).toEqual(["unknown", "resent"]);
    expect(house.notices[1]?.detail).toMatch(/list shows newer messages of its sender, and not this one/);
  });

  it("holds or drops by then, as options.sending.unknown says", async () => {
    const { house, id } = await lostRig({ unknownEarly: true, unknown: "hold" });
    await using _ = house;
    await passSeconds(house, 65);
    expect([await house.sms.message(id), sends(house)]).toMatchObject([{ status: "held" }, 1]);
  });

  it("is off by default: the window is waited for, and no other list is read", async () => {
    const { house, list } = await lostRig({});
    await using _ = house;
    await passSeconds(house, 300);
    expect(sends(house)).toBe(1);
    expect(new Set(list.asked)).toEqual(new Set([PERSON]));
    await passSeconds(house, 120);
    expect(sends(house)).toBe(2);
  });

  it("waits for the window where the list shows nothing newer", async () => {
    const { house } = await lostRig({ unknownEarly: true }, { newer: false });
    await using _ = house;
    await passSeconds(house, 300);
    expect(sends(house)).toBe(1);
  });

  it("waits where the provider's own clock has not passed the attempt", async () => {
    const { house, list } = await lostRig({ unknownEarly: true });
    await using _ = house;
    list.behindMs = 65 * SECOND_MS;
    await passSeconds(house, 100);
    expect(sends(house)).toBe(1);
  });

  it("counts no two looks of which the second came within 20 s by the provider's clock", async () => {
    const { house, list } = await lostRig({ unknownEarly: true });
    await using _ = house;
    await passSeconds(house, 30);
    list.stoppedAt = house.clock.now() + 19 * SECOND_MS;
    await passSeconds(house, 240);
    expect(sends(house)).toBe(1);
  });

  it("waits while the list of the sender cannot be read, and reports that once until it can be read again", async () => {
    const { house } = await lostRig({ unknownEarly: true });
    await using _ = house;
    const { find } = house.provider;
    const broken: typeof find = async (query) => {
      if (query.to === undefined) throw new Error("the account is suspended");
      return find(query);
    };
    house.provider.find = broken;
    await passSeconds(house, 100);
    expect(sends(house)).toBe(1);
    expect(house.errors).toMatchObject([
      { code: "transport_unavailable", cause: { message: "the account is suspended" } },
    ]);
    house.provider.find = find;
    await passSeconds(house, 160);
    expect([sends(house), house.errors.length]).toEqual([2, 1]);
  });
});
