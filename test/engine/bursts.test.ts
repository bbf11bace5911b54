import { describe, expect, it } from "vitest";
import { breathe, deferred, OTHER, rig } from "./rig.ts";

describe("a burst of texts", () => {
  it("is one turn when the texts come within the window", async () => {
    await using house = rig({ burst: { quietMs: 2000, maxWaitMs: 15_000 } });
    await house.text("do you");
    await house.clock.advance(1500);
    await house.sms.processDue();
    await house.text("have a table");
    await house.clock.advance(1500);
    await house.sms.processDue();
    await house.text("for two?");
    await house.clock.advance(1999);
    await house.sms.processDue();
    expect(house.asked).toEqual([]);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: do you + have a table + for two?"]);
  });

  it("keeps the person waiting no longer than the maximum", async () => {
    await using house = rig({ burst: { quietMs: 2000, maxWaitMs: 5000 } });
    for (let second = 0; second < 5; second += 1) {
      await house.text(`text ${second}`);
      await house.clock.advance(1000);
      await house.sms.processDue();
    }
    expect(house.asked.map(({ turn }) => turn.messages.length)).toEqual([5]);
  });

  it("says when to come back", async () => {
    await using house = rig({ burst: { quietMs: 2000, maxWaitMs: 5000 } });
    await house.text("hello");
    const before = Date.now();
    const { turns, sends, nextDueAt } = await house.sms.processDue();
    expect({ turns, sends }).toEqual({ turns: 0, sends: 0 });
    expect((nextDueAt ?? 0) - before).toBeGreaterThanOrEqual(2000);
    await house.sms.settled();
    expect((await house.sms.processDue()).nextDueAt).toBeNull();
  });

  it("aborts the call when a text arrives while the AI is working, and answers everything together", async () => {
    await using house = rig({ burst: { quietMs: 1000, maxWaitMs: 60_000 } });
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    await house.text("a table for two");
    await house.clock.advance(1000);
    const sweep = house.sms.processDue();
    await breathe();
    await house.text("no, for three");
    await sweep;
    expect(house.asked[0]?.context.signal.aborted).toBe(true);
    expect(house.notices.map(({ kind }) => kind)).toContain("superseded");

    thinking.resolve("too late");
    house.script = (turn) => `booked: ${turn.messages.map(({ body }) => body).join("; ")}`;
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["booked: a table for two; no, for three"]);
    expect(house.asked.map(({ turn }) => [turn.id, turn.run])).toEqual([
      [house.asked[0]?.turn.id, 1],
      [house.asked[0]?.turn.id, 2],
    ]);
  });

  it("answers the newer text next when the policy is to queue", async () => {
    await using house = rig({ burst: { quietMs: 0, whileAnswering: "queue" } });
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    await house.text("first");
    const sweep = house.sms.processDue();
    await breathe();
    await house.text("second");
    expect(house.asked[0]?.context.signal.aborted).toBe(false);
    house.script = () => "to the second";
    thinking.resolve("to the first");
    await sweep;
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["to the first", "to the second"]);
  });

  it("does not give up a run whose tool has started", async () => {
    await using house = rig({ burst: { quietMs: 0, maxWaitMs: 60_000 } });
    const booked = deferred<string>();
    house.script = (_, context) => {
      context.toolStarted();
      return booked.promise;
    };
    await house.text("book it");
    const sweep = house.sms.processDue();
    await breathe();
    await house.text("thanks");
    expect(house.asked[0]?.context.signal.aborted).toBe(false);
    house.script = () => "welcome";
    booked.resolve("booked");
    await sweep;
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["booked", "welcome"]);
  });

  it("gives way at most twice, so that a fast texter is answered at last", async () => {
    await using house = rig({ burst: { quietMs: 0, maxWaitMs: 600_000 } });
    const never = deferred<string>();
    const last = deferred<string>();
    house.script = (turn) => (turn.run < 3 ? never.promise : last.promise);
    await house.text("one");
    const sweep = house.sms.processDue();
    for (const body of ["two", "three", "four"]) {
      await breathe();
      await breathe();
      await house.text(body);
    }
    await breathe();
    expect(house.asked.map(({ context }) => context.signal.aborted)).toEqual([true, true, false]);
    house.script = () => "and four";
    last.resolve("at last");
    await sweep;
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["at last", "and four"]);
  });

  it("never makes one conversation wait for another", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    const slow = deferred<string>();
    house.script = (turn) => (turn.participant === OTHER ? "quick" : slow.promise);
    await house.text("slow one");
    await house.text("quick one", { from: OTHER });
    const sweep = house.sms.processDue();
    for (let round = 0; round < 20 && house.provider.sent.length === 0; round += 1) await breathe();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["quick"]);
    slow.resolve("slow");
    await sweep;
    // Both leave from one number, which takes one segment a second.
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["quick", "slow"]);
  });
});
