import { describe, expect, it } from "vitest";
import { isOwnlineError, OwnlineError } from "../../src/errors.ts";
import type { ProviderMessage, ReceivedMessage } from "../../src/transport/transport.ts";
import { deferred, lost, OTHER, OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (isOwnlineError(error) ? `${error.code}: ${error.message}` : String(error)),
  );
}

/** A message in `unknown` or in `held`. */
async function undecided(options: RigOptions = {}): Promise<{ house: Rig; id: string }> {
  const house = rig({ burst: { quietMs: 0 }, ...options });
  house.provider.answers.push(lost);
  const { id } = await house.sms.send({ key: "1", to: PERSON, body: "Your table is ready." });
  await house.sms.processDue();
  return { house, id };
}

describe("a person's decision about a message", () => {
  it.each([
    ["sent", "accepted", "resolved", 1],
    ["resend", "accepted", "resolved", 2],
    ["drop", "failed", "dropped", 1],
  ] as const)("%s: the held message is then %s", async (decision, status, notice, sent) => {
    const { house, id } = await undecided({ sending: { unknown: "hold" } });
    await using _ = house;
    await house.clock.advance(10 * MINUTE);
    await house.sms.settled();
    expect(await house.sms.message(id)).toMatchObject({ status: "held" });
    await house.sms.resolve(id, decision);
    await house.sms.settled();
    expect(await house.sms.message(id)).toMatchObject({ status });
    expect(house.provider.sent).toHaveLength(sent);
    expect(house.notices.at(-1)).toMatchObject({ kind: notice, messageId: id });
  });

  it("may come before the window is over, and lets what waited behind it go on", async () => {
    const { house, id } = await undecided();
    await using _ = house;
    await house.sms.send({ key: "2", to: PERSON, body: "Please come in." });
    await house.clock.advance(SECOND);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    expect(await house.sms.resolve(id, "sent")).toMatchObject({ id, status: "accepted" });
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["Your table is ready.", "Please come in."]);
  });

  it("is refused in any other state, which it names, and for what is not there", async () => {
    await using house = rig();
    const { id } = await house.sms.send({ key: "1", to: PERSON, body: "x" });
    await house.sms.settled();
    expect(await codeOf(house.sms.resolve(id, "resend"))).toMatch(/^invalid_state: the message is "accepted"/);
    expect(await codeOf(house.sms.resolve("nothing", "sent"))).toMatch(/^not_found/);
    const text = await house.text("hello");
    expect(await codeOf(house.sms.resolve(text.id, "sent"))).toMatch(/^not_found/);
    expect(await codeOf(house.sms.resolve(id, "again" as never))).toMatch(/^invalid_options/);
    expect(house.provider.sent).toHaveLength(1);
  });

  it("is shown by explain()", async () => {
    const { house, id } = await undecided({ sending: { unknown: "hold" } });
    await using _ = house;
    await house.clock.advance(10 * MINUTE);
    await house.sms.settled();
    const before = (await house.sms.explain(id))?.steps.join("\n");
    expect(before).toContain("it is not known whether the provider took it");
    expect(before).toContain("is held");
    expect(before).toContain("resolve()");
    expect((await house.sms.explain(id))?.steps).toHaveLength(3);
    await house.sms.resolve(id, "drop");
    expect((await house.sms.explain(id))?.steps.at(-1)).toContain("an operator has dropped it");
  });
});

describe("explain()", () => {
  it("says that it is not known yet, and that a person has said so", async () => {
    const { house, id } = await undecided();
    await using _ = house;
    expect((await house.sms.explain(id))?.steps.at(-1)).toContain("until a callback or the provider's list proves");
    await house.sms.resolve(id, "sent");
    const steps = (await house.sms.explain(id))?.steps ?? [];
    expect(steps.slice(1)).toEqual([
      expect.stringContaining("accepted, as an operator has decided"),
      "the message is accepted",
    ]);
  });
});

describe("a turn that ended with the fallback text", () => {
  async function failed(): Promise<{ house: Rig; turnId: string }> {
    const house = rig({ burst: { quietMs: 0 }, answer: { attempts: 1 } });
    house.script = () => {
      throw new Error("overloaded");
    };
    await house.text("hello");
    await house.sms.settled();
    expect(house.turns.at(-1)).toMatchObject({ outcome: "fallback" });
    house.script = () => "I am back.";
    return { house, turnId: house.turns.at(-1)?.turnId ?? "" };
  }

  it("is answered anew, by a turn of its own", async () => {
    const { house, turnId } = await failed();
    await using _ = house;
    await house.sms.requeue(turnId);
    await house.sms.settled();
    expect(house.turns.at(-1)).toMatchObject({ outcome: "replied", answered: [{ body: "hello" }] });
    expect(house.turns.at(-1)?.turnId).not.toBe(turnId);
    expect(house.provider.sent.at(-1)?.body).toBe("I am back.");
  });

  it("is not, where a later turn has answered, where it did not fail, where the person opted out, or is not there", async () => {
    const { house, turnId } = await failed();
    await using _ = house;
    await house.text("and now?");
    await house.sms.settled();
    expect(await codeOf(house.sms.requeue(turnId))).toMatch(/^invalid_state: a later turn/);
    expect(await codeOf(house.sms.requeue(house.turns.at(-1)?.turnId ?? ""))).toMatch(
      /^invalid_state: the turn was not requeued: only a turn that ended with the fallback/,
    );
    expect(await codeOf(house.sms.requeue("t-nothing"))).toMatch(/^not_found/);
    const other = await failed();
    await using left = other.house;
    await left.text("STOP");
    expect(await codeOf(left.sms.requeue(other.turnId))).toMatch(/^opted_out/);
  });
});

/** A ledger as a backup has it: three messages unsent, of which the provider has the first. */
async function restored() {
  const house = rig({ burst: { quietMs: 0 }, sending: { rateLimit: false } });
  const entries: ProviderMessage[] = [];
  const texts: ReceivedMessage[] = [];
  const state = { broken: false };
  house.provider.find = async ({ to, since }) => {
    const messages = entries.filter((entry) => entry.to === to && entry.createdAt >= since);
    return { messages, asOf: house.clock.now() };
  };
  house.provider.listInbound = async ({ since }) => {
    if (state.broken)
      throw new OwnlineError("transport_unavailable", "The list could not be read.", { retryable: true });
    const from = typeof since === "number" ? since : house.clock.now() - since.lastMs;
    return { messages: texts.filter(({ occurredAt }) => (occurredAt ?? 0) >= from), asOf: house.clock.now() };
  };
  const took = (body: string, to: string, createdAt: number) => {
    const providerMessageId = `SM-${entries.length}`;
    entries.push({ providerMessageId, from: OURS, to, body, mediaCount: 0, status: "delivered", createdAt });
  };
  const came = (from: string, body: string, occurredAt: number) => {
    const providerMessageId = `SMin-${texts.length}`;
    const text = { from, to: OURS, service: null, body, media: [], optOut: null, occurredAt };
    texts.push({ key: `AC1:${providerMessageId}`, providerMessageId, ...text });
  };
  return { house, took, came, state };
}

describe("recover(), after a restore from a backup", () => {
  it("looks for everything unsent before it is sent again", async () => {
    const { house, took } = await restored();
    await using _ = house;
    for (const key of ["1", "2"]) await house.sms.send({ key, to: key === "1" ? PERSON : OTHER, body: `text ${key}` });
    took("text 1", PERSON, house.clock.now() + SECOND);
    await house.clock.advance(60 * MINUTE);
    expect(await house.sms.recover()).toEqual({ markedUnknown: 2, swept: 0 });
    await house.sms.processDue();
    expect(house.provider.sent).toEqual([]);
    await house.sms.settled();
    // The provider never had the second one; it left after the window.
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["text 2"]);
    expect(house.sms.counts()).toMatchObject({ unknown: 2, found: 1, resent: 1 });
  });

  it("stores the texts of the lost time, and answers only those that the provider's list shows no answer to", async () => {
    const { house, took, came } = await restored();
    await using _ = house;
    const now = house.clock.now();
    came(PERSON, "answered", now - 50 * MINUTE);
    took("re: answered", PERSON, now - 49 * MINUTE);
    came(OTHER, "not answered", now - 40 * MINUTE);
    took("before it", OTHER, now - 41 * MINUTE);
    expect(await house.sms.recover()).toEqual({ markedUnknown: 0, swept: 2 });
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: not answered"]);
    expect(house.notices.filter(({ kind }) => kind === "not-answered").map(({ detail }) => detail)).toEqual([
      "the provider's list shows that it was answered already",
    ]);
  });

  it("says so when the provider's list cannot be read, and may be repeated", async () => {
    const { house, came, state } = await restored();
    await using _ = house;
    came(PERSON, "hello", house.clock.now());
    state.broken = true;
    expect(await codeOf(house.sms.recover())).toMatch(/^transport_unavailable: .*Call recover\(\) again/);
    state.broken = false;
    // Another sweep may still be at it.
    expect(await codeOf(house.sms.recover())).toMatch(/^transport_unavailable/);
    await house.clock.advance(2 * MINUTE);
    expect(await house.sms.recover()).toEqual({ markedUnknown: 0, swept: 1 });
  });

  it("is refused once this process has begun to work", async () => {
    await using house = rig();
    await house.sms.processDue();
    expect(await codeOf(house.sms.recover())).toMatch(/^invalid_state: recover\(\) was called after start/);
  });
});

describe("a sender that was removed from the configuration", () => {
  it("holds its messages, reports it once for each, and sends them when it is back", async () => {
    const ours = new Set([OURS]);
    const senders = ((address: string) => (ours.has(address) ? { address } : undefined)) as never;
    await using house = rig({ senders });
    await house.sms.send({ key: "1", to: PERSON, from: OURS, body: "x" });
    ours.clear();
    for (let minute = 0; minute < 5; minute += 1) {
      await house.sms.processDue();
      await house.clock.advance(MINUTE);
    }
    expect(house.provider.sent).toEqual([]);
    expect(house.errors).toMatchObject([{ code: "unknown_sender", message: expect.stringContaining("expiryMs") }]);
    ours.add(OURS);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
  });

  it("has them cancelled at their expiry", async () => {
    const ours = new Set([OURS]);
    const senders = ((address: string) => (ours.has(address) ? { address } : undefined)) as never;
    await using house = rig({ senders, sending: { expiryMs: 10 * MINUTE } });
    const { id } = await house.sms.send({ key: "1", to: PERSON, from: OURS, body: "x" });
    ours.clear();
    await house.sms.settled();
    expect(await house.sms.message(id)).toMatchObject({ status: "cancelled" });
    expect(house.provider.sent).toEqual([]);
    expect(house.errors).toHaveLength(1);
  });
});

describe("the AI", () => {
  it("is asked by at most worker.concurrency turns at once, and by all in the end", async () => {
    await using house = rig({ burst: { quietMs: 0 }, worker: { concurrency: 3 }, sending: { rateLimit: false } });
    let under = 0;
    let most = 0;
    const barriers: (() => void)[] = [];
    house.script = async () => {
      under += 1;
      most = Math.max(most, under);
      const barrier = deferred();
      barriers.push(() => barrier.resolve());
      await barrier.promise;
      under -= 1;
      return "x";
    };
    for (let index = 0; index < 10; index += 1) await house.text("hi", { from: `+1234567${1000 + index}` });
    const done = house.sms.settled().then(() => true);
    let over = false;
    void done.then(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (barriers.length >= 3 || house.asked.length === 10) for (const open of barriers.splice(0)) open();
    }
    expect(most).toBe(3);
    expect(house.asked).toHaveLength(10);
  });
});
