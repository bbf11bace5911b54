import { describe, expect, it } from "vitest";
import { OwnlineError } from "../../src/errors.ts";
import type { FindQuery, ProviderMessage } from "../../src/transport/transport.ts";
import { breathe, deferred, lost, OTHER, OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface Scene {
  readonly house: Rig;
  /** What the provider's list holds. */
  readonly entries: ProviderMessage[];
  readonly looks: { readonly at: number; readonly query: FindQuery }[];
  /** How far the provider's clock is ahead of ours. */
  skewMs: number;
  /** How long the list lags behind. */
  lagMs: number;
  broken: Error | null;
  /** The provider took the text, by its own clock, now. */
  took(body: string, more?: Partial<ProviderMessage>): void;
  /** Passes the time in small steps, working on what is due. */
  pass(ms: number): Promise<void>;
}

/** A provider with a list, whose clock is not ours. */
function scene(options: RigOptions = {}): Scene {
  const house = rig({ burst: { quietMs: 0 }, ...options });
  const start = house.clock.now();
  const self: Scene = {
    house,
    entries: [],
    looks: [],
    skewMs: 0,
    lagMs: 0,
    broken: null,
    took(body, more = {}) {
      const createdAt = house.clock.now() + self.skewMs;
      const providerMessageId = `SM-list-${self.entries.length + 1}`;
      self.entries.push({
        providerMessageId,
        from: OURS,
        to: PERSON,
        body,
        mediaCount: 0,
        status: "sent",
        createdAt,
        ...more,
      });
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= SECOND) {
        await house.clock.advance(Math.min(SECOND, left));
        await house.sms.processDue();
      }
    },
  };
  house.provider.find = async (query) => {
    self.looks.push({ at: house.clock.now() - start, query });
    if (self.broken !== null) throw self.broken;
    const asOf = house.clock.now() + self.skewMs;
    const messages = self.entries.filter(
      (entry) => entry.createdAt <= asOf - self.lagMs && entry.createdAt >= query.since,
    );
    return { messages, asOf };
  };
  return self;
}

const kinds = ({ house }: Scene): string[] => house.notices.map(({ kind }) => kind);

async function loseOne(one: Scene, body = "hello"): Promise<void> {
  one.house.provider.answers.push(lost);
  await one.house.text(body);
  await one.house.sms.processDue();
}

describe("a message whose answer was lost", () => {
  it("is found in the provider's list after 15 seconds, and leaves once", async () => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    one.took("re: hello", { status: "delivered" });
    await one.pass(14 * SECOND);
    expect(one.looks).toEqual([]);
    await one.pass(SECOND);
    expect(house.statuses.at(-1)).toMatchObject({ status: "delivered", providerMessageIds: ["SM-list-1"] });
    expect(kinds(one)).toEqual(["unknown", "found"]);
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.sms.counts()).toMatchObject({ unknown: 1, found: 1, resent: 0 });
    expect(one.looks[0]?.query).toMatchObject({ from: OURS, to: PERSON });
  });

  it("is looked for less and less often, and sent again once after the window, which is counted", async () => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    await one.pass(7 * MINUTE);
    expect(one.looks.map(({ at }) => at / SECOND)).toEqual([15, 30, 60, 120, 240, 360]);
    expect(house.provider.sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(kinds(one)).toEqual(["unknown", "resent"]);
    expect(house.sms.counts()).toMatchObject({ unknown: 1, found: 0, resent: 1 });
  });

  it("is found by a list that lags behind, as long as it lags for less than the window", async () => {
    const one = scene();
    await using house = one.house;
    one.lagMs = 5 * MINUTE;
    await loseOne(one);
    one.took("re: hello");
    await one.pass(7 * MINUTE);
    expect(house.provider.sent).toHaveLength(1);
    expect(kinds(one)).toEqual(["unknown", "found"]);
  });

  it("is not sent again by a clock of ours that jumped an hour: the provider's own time must have passed", async () => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    await one.pass(15 * SECOND);
    one.skewMs = -60 * MINUTE;
    await house.clock.advance(60 * MINUTE);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    await one.pass(5 * MINUTE + 44 * SECOND);
    expect(house.provider.sent).toHaveLength(1);
    await one.pass(2 * SECOND);
    expect(house.provider.sent).toHaveLength(2);
  });

  it("is found although the provider's clock is an hour behind, or ahead", async () => {
    for (const skewMs of [-60 * MINUTE, 60 * MINUTE]) {
      const one = scene();
      await using house = one.house;
      one.skewMs = skewMs;
      await loseOne(one);
      one.took("re: hello");
      await one.pass(15 * SECOND);
      expect(kinds(one)).toEqual(["unknown", "found"]);
      expect(house.provider.sent).toHaveLength(1);
    }
  });

  it.each<[string, Partial<ProviderMessage>]>([
    ["other words", { body: "re: hello!" }],
    ["another person", { to: OTHER }],
    ["another number of ours", { from: "+15550001111" }],
    ["a picture", { mediaCount: 1 }],
    ["an earlier time than the attempt", { createdAt: Date.UTC(2025, 11, 31, 23) }],
  ])("is not taken for an entry with %s", async (_, more) => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    one.took("re: hello", more);
    await one.pass(7 * MINUTE);
    expect(kinds(one)).toEqual(["unknown", "resent"]);
    expect(house.provider.sent).toHaveLength(2);
  });

  it("is not taken for an earlier message with the same words, whose id is known", async () => {
    const one = scene();
    await using house = one.house;
    await house.text("hello");
    await house.sms.processDue();
    one.took("re: hello", { providerMessageId: "SM1" });
    await one.pass(30 * SECOND);
    await loseOne(one);
    await one.pass(7 * MINUTE);
    expect(kinds(one)).toEqual(["unknown", "resent"]);
  });

  it("is claimed in order among others with the same words, and not at all where one is missing", async () => {
    const one = scene({ sending: { orderWaitMs: 0 } });
    await using house = one.house;
    house.provider.answers.push(lost, lost);
    for (const key of ["1", "2"]) await house.sms.send({ key, to: PERSON, body: "same" });
    await house.sms.processDue();
    one.took("same", { providerMessageId: "SM-first" });
    await one.pass(30 * SECOND);
    expect(house.provider.sent).toHaveLength(2);
    // One entry for two attempts: it can be of either.
    expect(kinds(one)).not.toContain("found");
    one.took("same", { providerMessageId: "SM-second" });
    await one.pass(2 * MINUTE);
    const ids = house.provider.sent.map(({ outboundId }) => outboundId);
    const messages = await Promise.all(ids.map((id) => house.sms.message(id)));
    expect(messages).toMatchObject([{ providerMessageIds: ["SM-first"] }, { providerMessageIds: ["SM-second"] }]);
    expect(house.provider.sent).toHaveLength(2);
  });

  describe("beside one with the same words that a person has seen to have left", () => {
    /** Two lost answers; a person decides about the first. */
    async function decided(options: RigOptions, apartMs: number): Promise<{ one: Scene; ids: readonly string[] }> {
      const one = scene({ ...options, sending: { orderWaitMs: 0, ...options.sending } });
      const { house } = one;
      house.provider.answers.push(lost, lost);
      const first = await house.sms.send({ key: "1", to: PERSON, body: "same" });
      await house.sms.processDue();
      one.took("same", { providerMessageId: "SM-first" });
      await house.sms.resolve(first.id, "sent");
      await one.pass(apartMs);
      const second = await house.sms.send({ key: "2", to: PERSON, body: "same" });
      await house.sms.processDue();
      return { one, ids: [first.id, second.id] };
    }

    const idsOf = ({ house }: Scene, ids: readonly string[]) =>
      Promise.all(ids.map(async (id) => (await house.sms.message(id)) ?? null));

    it("is not proved by that one's entry, and is sent again", async () => {
      const { one, ids } = await decided({}, 2 * SECOND);
      await using house = one.house;
      await one.pass(7 * MINUTE);
      expect(kinds(one)).not.toContain("found");
      expect(house.provider.sent.map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
      const [, second] = await idsOf(one, ids);
      expect(second).not.toMatchObject({ providerMessageIds: ["SM-first"] });
    });

    it.each([2 * SECOND, 3 * MINUTE])("is proved by the second entry, %i ms later", async (apartMs) => {
      const { one, ids } = await decided({}, apartMs);
      await using house = one.house;
      one.took("same", { providerMessageId: "SM-second" });
      await one.pass(30 * SECOND);
      expect(kinds(one)).toContain("found");
      expect(await idsOf(one, ids)).toMatchObject([{ providerMessageIds: [] }, { providerMessageIds: ["SM-second"] }]);
      expect(house.provider.sent).toHaveLength(2);
    });

    it("is proved by an entry alone once the other's time was over before", async () => {
      const { one, ids } = await decided({ sending: { expiryMs: 10 * MINUTE } }, 15 * MINUTE);
      await using _ = one.house;
      one.took("same", { providerMessageId: "SM-second" });
      await one.pass(30 * SECOND);
      expect(await idsOf(one, ids)).toMatchObject([{ providerMessageIds: [] }, { providerMessageIds: ["SM-second"] }]);
    });

    it("is found beside it in a conversation of more than one page", async () => {
      const { one } = await decided({}, 2 * SECOND);
      await using house = one.house;
      for (let text = 0; text < 501; text += 1) {
        await house.text("HELP", { sid: `SM-help-${text}`, optOut: "HELP" });
      }
      await one.pass(7 * MINUTE);
      expect(kinds(one)).not.toContain("found");
    });
  });

  it("is not claimed where the list shows more such entries than attempts: something else sends the same words", async () => {
    const one = scene();
    await using _ = one.house;
    await loseOne(one);
    for (let copy = 0; copy < 2; copy += 1) one.took("re: hello");
    await one.pass(7 * MINUTE);
    expect(kinds(one)).toEqual(["unknown", "resent"]);
  });

  it("is not hidden by an entry from before, which none of our attempts made", async () => {
    const one = scene();
    await using house = one.house;
    one.took("re: hello");
    await house.clock.advance(5 * MINUTE);
    await loseOne(one);
    one.took("re: hello");
    await one.pass(15 * SECOND);
    expect(house.statuses.at(-1)).toMatchObject({ providerMessageIds: ["SM-list-2"] });
  });

  it("is not hidden by an old attempt whose time was over before the entry was made", async () => {
    const one = scene({ sending: { expiryMs: 10 * MINUTE } });
    await using _ = one.house;
    await loseOne(one);
    await one.pass(7 * MINUTE);
    expect(kinds(one)).toEqual(["unknown", "resent"]);
    await one.pass(15 * MINUTE);
    await loseOne(one);
    one.took("re: hello");
    await one.pass(30 * SECOND);
    expect(kinds(one)).toEqual(["unknown", "resent", "unknown", "found"]);
  });

  it("is proved by one entry for any of its own attempts", async () => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    house.provider.answers.push(lost);
    await one.pass(6 * MINUTE);
    expect(house.provider.sent).toHaveLength(2);
    one.took("re: hello");
    await one.pass(30 * SECOND);
    expect(kinds(one)).toEqual(["unknown", "resent", "unknown", "found"]);
    await one.pass(10 * MINUTE);
    expect(house.provider.sent).toHaveLength(2);
  });

  it.each([
    ["hold", "held", "held"],
    ["drop", "failed", "dropped"],
  ] as const)("is %s by policy where no evidence comes, and counted", async (unknown, status, notice) => {
    const one = scene({ sending: { unknown } });
    await using house = one.house;
    await loseOne(one);
    await one.pass(7 * MINUTE);
    expect(house.provider.sent).toHaveLength(1);
    expect(house.statuses.at(-1)).toMatchObject({ status });
    expect(kinds(one)).toEqual(["unknown", notice]);
    expect(house.sms.counts()[notice]).toBe(1);
  });

  it("waits for a list that cannot be read for a second window, reports it once, and then decides", async () => {
    const one = scene();
    await using house = one.house;
    one.broken = new OwnlineError("transport_unavailable", "The list could not be read.", { retryable: true });
    await loseOne(one);
    await one.pass(12 * MINUTE - SECOND);
    expect(house.provider.sent).toHaveLength(1);
    await one.pass(MINUTE);
    expect(house.provider.sent).toHaveLength(2);
    expect(house.errors).toMatchObject([{ code: "transport_unavailable" }]);
    expect(house.notices.at(-1)?.detail).toContain("could not be read");
  });

  it("waits for each account's own list where there are several, and reports each that cannot be read", async () => {
    const second = "+15703251810";
    const ours = (address: string) => (address === OURS || address === second ? { address } : undefined);
    const one = scene({ senders: ours as never });
    await using house = one.house;
    Object.assign(house.provider, { capabilities: { ...house.provider.capabilities, accounts: true } });
    const { find } = house.provider;
    // One tenant's list can be read all the while, and has nothing.
    house.provider.find = (query) => {
      if (query.from === OURS) return find(query);
      return Promise.reject(
        new OwnlineError("transport_unavailable", "The list could not be read.", { retryable: true }),
      );
    };
    house.provider.answers.push(lost, lost);
    await house.sms.send({ key: "1", from: second as never, to: PERSON, body: "a table at 7" });
    await house.sms.send({ key: "2", from: OURS, to: OTHER, body: "a table at 8" });
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(2);
    await one.pass(12 * MINUTE - SECOND);
    expect(house.provider.sent.slice(2).map(({ from }) => from)).toEqual([OURS]);
    await one.pass(MINUTE);
    expect(house.provider.sent.slice(3).map(({ from }) => from)).toEqual([second]);
    expect(house.errors).toMatchObject([{ code: "transport_unavailable" }]);
  });

  it("does not believe a clock that jumped over both windows while the list cannot be read", async () => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    one.broken = new TypeError("fetch failed");
    await house.clock.advance(13 * MINUTE);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.errors).toMatchObject([{ code: "transport_unavailable", party: "transport" }]);
    one.broken = null;
    one.took("re: hello");
    await one.pass(MINUTE);
    expect(kinds(one)).toEqual(["unknown", "found"]);
  });

  it("is settled by the storage's clock alone where the provider has no list", async () => {
    const one = scene();
    await using house = one.house;
    Object.assign(house.provider, { capabilities: { ...house.provider.capabilities, lists: false } });
    await loseOne(one);
    await one.pass(7 * MINUTE);
    expect(one.looks).toEqual([]);
    expect(house.provider.sent).toHaveLength(2);
  });

  it("is left as it is by a process that stops while the provider does not answer", async () => {
    const one = scene();
    await using house = one.house;
    await loseOne(one);
    const answer = deferred<never>();
    house.provider.find = () => answer.promise;
    await house.clock.advance(15 * SECOND);
    const passing = house.sms.processDue();
    await breathe();
    const stopping = house.sms.stop({ timeoutMs: 1000 });
    await house.clock.advance(1000);
    await Promise.all([stopping, passing]);
    expect(house.statuses.at(-1)).toMatchObject({ status: "unknown" });
    expect(house.provider.sent).toHaveLength(1);
  });
});

describe("what a provider changes in a text", () => {
  it.each<[string, string, string, Partial<ProviderMessage>]>([
    ["drops blanks at its end", "On its way. ", "On its way.", {}],
    ["drops blanks at a line's end", "one  \ntwo", "one\ntwo", {}],
    ["writes line ends its own way", "one\ntwo\nthree", "one\r\ntwo\rthree", {}],
    ["composes characters", "cafe\u0301", "caf\u00e9", {}],
    ["takes them apart", "caf\u00e9", "cafe\u0301", {}],
    ["puts a notice before it", "hello", "Trial: hello", { bodyWithoutNotice: "hello" }],
  ])("does not hide it in the list: it %s", async (_, body, listed, more) => {
    const one = scene();
    await using house = one.house;
    house.provider.answers.push(lost);
    await house.sms.send({ key: "1", to: PERSON, body });
    await house.sms.processDue();
    one.took(listed, more);
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(kinds(one)).toContain("found");
  });

  it("hides no difference in the words: another text is not proof", async () => {
    const one = scene();
    await using house = one.house;
    house.provider.answers.push(lost);
    await house.sms.send({ key: "1", to: PERSON, body: "See you at 7" });
    await house.sms.processDue();
    one.took("See you at 8");
    await house.sms.settled();
    expect(kinds(one)).toContain("resent");
  });
});

describe("settled() beside a provider on real time", () => {
  it("ends after a few looks by the clock that the test moves, and says how to give both one clock", async () => {
    const one = scene();
    await using house = one.house;
    const asOf = Date.now();
    let looks = 0;
    house.provider.find = async () => {
      looks += 1;
      return { messages: [], asOf };
    };
    house.provider.answers.push(lost);
    await house.sms.send({ key: "1", to: PERSON, body: "hello" });
    await house.sms.settled();
    expect(looks).toBeLessThan(20);
    expect(kinds(one)).toContain("resent");
    expect(house.log.filter((line) => line.includes("twilioEmulator({ now:"))).toHaveLength(1);
  });

  it("still goes by the provider's clock where it moves, and without settled() wherever it stands", async () => {
    const one = scene();
    await using house = one.house;
    const asOf = house.clock.now();
    house.provider.find = async () => ({ messages: [], asOf });
    house.provider.answers.push(lost);
    await house.sms.send({ key: "1", to: PERSON, body: "hello" });
    await one.pass(10 * MINUTE);
    expect(house.provider.sent).toHaveLength(1);
  });
});
