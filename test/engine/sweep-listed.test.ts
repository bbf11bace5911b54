import { describe, expect, it } from "vitest";
import type { SenderDirectory, SenderInput } from "../../src/model/sender.ts";
import { breathe, deferred, OTHER, OURS, type RigOptions } from "./rig.ts";
import { inbound, kinds, MINUTE, scene } from "./sweep-scene.ts";

const SECOND_NUMBER = "+15703251810";
const SERVICE = "MG0123456789abcdef0123456789abcdef";

const known = new Set<string>([OURS, SECOND_NUMBER]);
const resolve: SenderDirectory["resolve"] = async (address) => (known.has(address) ? { address } : undefined);
/** The rig's own type is that of one listed number. */
const withSenders = (senders: SenderDirectory): RigOptions => ({ senders: senders as never });

describe("a sweep over senders that a function lists", () => {
  it("finds a text whose webhook never came, and answers it", async () => {
    const one = scene(withSenders({ resolve, list: async () => [OURS] }));
    await using house = one.house;
    one.lose("SMlost", "hello");
    await house.sms.processDue();
    expect(await inbound(one)).toMatchObject([{ body: "hello", providerMessageId: "SMlost" }]);
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    expect(kinds(one)).toEqual(["swept"]);
  });

  it("looks for nothing without list", async () => {
    const one = scene(withSenders({ resolve }));
    await using house = one.house;
    one.lose("SM-1", "hello");
    await house.sms.processDue();
    expect(one.looks).toEqual([]);
    expect(house.errors).toEqual([]);
  });

  it("asks for the list at each run, so a number that is added or removed counts from the next one", async () => {
    const lists: SenderInput[][] = [[], [OURS], [OURS, { address: SECOND_NUMBER }, OURS], [SECOND_NUMBER]];
    const one = scene(withSenders({ resolve, list: () => lists.shift() ?? [] }));
    await using house = one.house;
    const seen: string[][] = [];
    for (let run = 0; run < 4; run += 1) {
      const before = one.looks.length;
      await house.sms.processDue();
      seen.push(one.looks.slice(before).map(({ to }) => to));
      await house.clock.advance(MINUTE);
    }
    expect(seen).toEqual([[], [OURS], [OURS, SECOND_NUMBER], [SECOND_NUMBER]]);
    expect(house.errors).toEqual([]);
  });

  it("calls resolve and list on the object that has them, such as an instance of a class with fields of its own", async () => {
    class Tenants implements SenderDirectory {
      readonly numbers: ReadonlySet<string>;
      readonly #service = undefined;
      constructor(numbers: readonly string[]) {
        this.numbers = new Set(numbers);
      }
      resolve(address: string) {
        return this.numbers.has(address) && this.#service === undefined ? { address } : undefined;
      }
      async list() {
        return [...this.numbers];
      }
    }
    const one = scene(withSenders(new Tenants([OURS])));
    await using house = one.house;
    one.lose("SMlost", "hello");
    await house.sms.processDue();
    expect(house.errors).toEqual([]);
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("reads a sender's fields also where they are getters of a class", async () => {
    class Row {
      get address() {
        return OURS;
      }
    }
    const one = scene(
      withSenders({ resolve: (address) => (address === OURS ? new Row() : undefined), list: () => [new Row()] }),
    );
    await using house = one.house;
    one.lose("SMlost", "hello");
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("takes the number's service from resolve: its webhook is where the service says", async () => {
    const one = scene(
      withSenders({ resolve: (address) => ({ address, service: SERVICE }), list: () => [OURS, SERVICE] }),
    );
    await using house = one.house;
    one.owned.push({ address: OURS, capabilities: ["sms"], webhookUrl: "https://x.example/", posts: "elsewhere" });
    one.lose("SM-1", "hello");
    await house.sms.processDue();
    expect(one.looks.map(({ to }) => to)).toEqual([OURS]);
    const { conversations } = await house.sms.conversations();
    expect(conversations).toMatchObject([{ line: SERVICE, sender: OURS }]);
  });

  it.each<[string, unknown, RegExp]>([
    ["resolve does not know", OTHER, /options\.senders\.list\(\)\[0\].*resolve does not know.*Let resolve return it/],
    ["is not an address", "570-325-1809", /options\.senders\.list\(\)\[0\]: a sender is a number in E\.164/],
    ["is missing", undefined, /options\.senders\.list\(\)\[0\]: give a number you own/],
    ["has a wrong rate", { address: OURS, ratePerSecond: 0 }, /options\.senders\.list\(\)\[0\]: give a number you own/],
  ])("skips an entry that %s, reports it once, and looks at the others", async (_, entry, message) => {
    const one = scene(withSenders({ resolve, list: () => [entry as string, SECOND_NUMBER] }));
    await using house = one.house;
    for (let run = 0; run < 3; run += 1) {
      await house.sms.processDue();
      await house.clock.advance(MINUTE);
    }
    expect(one.looks.map(({ to }) => to)).toEqual([SECOND_NUMBER, SECOND_NUMBER, SECOND_NUMBER]);
    expect(house.errors).toMatchObject([{ code: "invalid_options", message: expect.stringMatching(message) }]);
    expect(house.errors[0]?.message).not.toMatch(/12345678911|570-325-1809/);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "throws",
      () => {
        throw new Error("the tenants' database is away");
      },
      /options\.senders\.list threw an error/,
    ],
    ["does not return a list", () => new Set([OURS]), /options\.senders\.list must return a list/],
  ])("ends where list %s, as the caller's mistake, and all else goes on", async (_, list, message) => {
    let isBroken = true;
    const one = scene(withSenders({ resolve, list: () => (isBroken ? (list() as string[]) : [OURS]) }));
    await using house = one.house;
    one.lose("SMlost", "lost");
    await house.text("came");
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: came"]);
    expect(house.errors).toMatchObject([
      { code: "invalid_options", party: "caller", message: expect.stringMatching(message) },
    ]);
    isBroken = false;
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect((await inbound(one)).map(({ body }) => body).toSorted()).toEqual(["came", "lost"]);
  });

  it("goes on with the others where resolve throws for one, and looks at that one next time", async () => {
    let isBroken = true;
    const failing: SenderDirectory["resolve"] = (address) => {
      if (isBroken && address === OURS) throw new Error("one row is locked");
      return resolve(address);
    };
    const one = scene(withSenders({ resolve: failing, list: () => [OURS, SECOND_NUMBER] }));
    await using house = one.house;
    await house.sms.processDue();
    expect(one.looks.map(({ to }) => to)).toEqual([SECOND_NUMBER]);
    expect(house.errors).toMatchObject([
      { code: "invalid_options", message: expect.stringContaining("options.senders.resolve threw an error") },
    ]);
    isBroken = false;
    await house.sms.processDue();
    expect(one.looks.map(({ to }) => to)).toEqual([SECOND_NUMBER, OURS]);
  });

  it("does not keep stop() waiting for a list that never comes", async () => {
    const one = scene(withSenders({ resolve, list: () => deferred<readonly string[]>().promise }));
    await using house = one.house;
    const working = house.sms.processDue();
    for (let round = 0; round < 5; round += 1) await breathe();
    const ending = Promise.all([house.sms.stop({ timeoutMs: 10_000 }), working]).then(() => "stopped");
    await expect(ending).resolves.toBe("stopped");
  });
});
