import { describe, expect, it, vi } from "vitest";
import { OwnlineError } from "../../src/index.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breathe, deferred, ledger, PERSON, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

async function breatheOften(times = 20): Promise<void> {
  for (let round = 0; round < times; round += 1) await breathe();
}

/** A storage whose calls fail while it is down. */
function shaky(storage: Storage): Storage & { down: boolean; lostAnswers: Set<string> } {
  const state = { down: false, lostAnswers: new Set<string>() };
  return new Proxy(storage, {
    get(target, name) {
      if (name === "down" || name === "lostAnswers") return state[name];
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        const failure = new OwnlineError("storage_unavailable", "the database is down", { retryable: true });
        if (state.down) throw failure;
        const answer: unknown = await Reflect.apply(method, target, args);
        if (state.lostAnswers.delete(String(name))) throw failure;
        return answer;
      };
    },
    set(_, name, value) {
      return Reflect.set(state, name, value);
    },
  }) as Storage & { down: boolean; lostAnswers: Set<string> };
}

describe("start and stop", () => {
  it("works through what is due as it comes, without anybody asking", async () => {
    await using house = rig(NOW);
    await house.sms.start();
    await house.text("hello");
    await breatheOften();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    await house.sms.stop();
    await house.text("after the stop");
    await breatheOften();
    expect(house.provider.sent).toHaveLength(1);
  });

  it.each(["start", "processDue"] as const)(
    "sends while more is to be answered than it has got to (%s)",
    async (how) => {
      const clock = manualClock();
      const storage = ledger(clock);
      const deeds: string[] = [];
      const claimTurns: Storage["claimTurns"] = async (claim) => {
        // A ledger that takes longer to choose than the AI to answer.
        await breatheOften(3);
        const claimed = await storage.claimTurns(claim);
        for (const _ of claimed) deeds.push("claim");
        return claimed;
      };
      const sending = { rateLimit: false } as const;
      await using house = rig({ ...NOW, sending, clock, storage: { ...storage, claimTurns } });
      for (let person = 10; person < 50; person += 1) await house.text("hello", { from: `+155501990${person}` });
      house.sms.on("status", ({ status }) => status === "sending" && deeds.push("send"));
      await house.sms[how]();
      if (how === "start") await vi.waitUntil(() => house.provider.sent.length === 40, { timeout: 20_000 });
      expect(house.provider.sent).toHaveLength(40);
      expect(deeds.indexOf("send")).toBeLessThan(deeds.lastIndexOf("claim"));
    },
  );

  it("finishes what it holds before it stops", async () => {
    await using house = rig(NOW);
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    await house.sms.start();
    await house.text("hello");
    await breatheOften();
    const stopping = house.sms.stop({ timeoutMs: 5000 });
    thinking.resolve("just in time");
    await stopping;
    expect(house.turns).toMatchObject([{ outcome: "replied" }]);
  });

  it("gives back what it cannot finish in time, for the next process at once", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using first = rig({ ...NOW, clock, storage });
    await using second = rig({ ...NOW, clock, storage });
    first.script = () => deferred<string>().promise;
    await first.sms.start();
    await first.text("hello");
    await breatheOften();
    const stopping = first.sms.stop({ timeoutMs: 1000 });
    await breathe();
    await clock.advance(1000);
    await stopping;
    expect(first.asked[0]?.context.signal.aborted).toBe(true);
    await second.sms.processDue();
    expect(second.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    expect(second.asked[0]?.turn).toMatchObject({ id: first.asked[0]?.turn.id, run: 2 });
  });

  it("says once that nothing works on what was stored", async () => {
    vi.useFakeTimers();
    await using house = rig(NOW);
    await house.type("one");
    await house.type("two");
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    expect(house.log.filter((line) => line.includes("sms.start()"))).toHaveLength(1);
  });

  it("says nothing of the kind to a script that works on it a moment later", async () => {
    vi.useFakeTimers();
    await using house = rig(NOW);
    await house.type("one");
    await house.sms.settled();
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    expect(house.log.filter((line) => line.includes("sms.start()"))).toEqual([]);
  });

  it("works after the answer where the runtime allows it", async () => {
    await using house = rig(NOW);
    const after: Promise<unknown>[] = [];
    await house.sms.simulate({ id: "edge", from: PERSON, body: "hello" }, { waitUntil: (work) => after.push(work) });
    expect(after).toHaveLength(1);
    await Promise.all(after);
    expect(house.provider.sent).toHaveLength(1);
    expect(house.log.filter((line) => line.includes("sms.start()"))).toEqual([]);
  });
});

/** A process whose own clock stands still sends no heartbeat: to the ledger, whose clock goes on, it has expired. */
describe("a process that dies", () => {
  it("is noticed, and another answers once what it held up", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    const expired = rig({ ...NOW, clock: manualClock(), storage });
    await using alive = rig({ ...NOW, clock, storage });
    expired.script = () => deferred<string>().promise;
    await expired.text("hello");
    void expired.sms.processDue();
    await breatheOften();
    expect(expired.asked).toHaveLength(1);

    await alive.sms.processDue();
    expect(alive.asked).toEqual([]);
    await clock.advance(10_001);
    await alive.sms.processDue();
    await alive.sms.settled();
    expect(alive.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    expect(alive.notices.map(({ kind }) => kind)).toContain("recovered");
  });

  it("cannot commit when it wakes up again", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using frozen = rig({ ...NOW, clock: manualClock(), storage });
    await using other = rig({ ...NOW, clock, storage });
    const thinking = deferred<string>();
    frozen.script = () => thinking.promise;
    await frozen.text("hello");
    const sweep = frozen.sms.processDue();
    await breatheOften();
    await clock.advance(10_001);
    await other.sms.processDue();
    await other.sms.settled();
    thinking.resolve("from the expired worker");
    await sweep;
    await other.sms.settled();
    expect([...frozen.provider.sent, ...other.provider.sent].map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("ends a turn that kills its process every time with the fallback text", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using last = rig({ ...NOW, clock, storage });
    await last.text("poison");
    for (let crash = 0; crash < 4; crash += 1) {
      const expired = rig({ ...NOW, clock: manualClock(), storage });
      expired.script = () => deferred<string>().promise;
      void expired.sms.processDue();
      await breatheOften();
      expect(expired.asked).toHaveLength(1);
      await clock.advance(10_001);
    }
    await last.sms.processDue();
    await last.sms.settled();
    expect(last.asked).toEqual([]);
    expect(last.turns).toMatchObject([{ outcome: "fallback" }]);
  });
});

describe("a ledger that fails", () => {
  it("makes the webhook answer 503, and takes the text when it is brought again", async () => {
    const clock = manualClock();
    const storage = shaky(ledger(clock));
    await using house = rig({ ...NOW, clock, storage });
    await house.type("before");
    storage.down = true;
    await expect(house.text("hello", { sid: "SMagain" })).rejects.toThrow("503");
    storage.down = false;
    await house.text("hello", { sid: "SMagain" });
    await house.sms.settled();
    expect(house.provider.sent.map(({ to }) => to)).toEqual([PERSON]);
  });

  it("ends settled() with the error that no repetition can mend, instead of asking for ever", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using house = rig({ ...NOW, clock, storage });
    await house.type("hello");
    await clock.advance(1);
    storage.claimSend = () => Promise.reject(new OwnlineError("storage_unavailable", "the tables were changed"));
    await expect(house.sms.settled()).rejects.toMatchObject({ message: "the tables were changed" });
  });

  it("changes nothing by losing the answer to a commit", async () => {
    for (const name of ["recordInbound", "claimTurns", "commitTurn", "claimSend", "recordSend", "heartbeat"]) {
      const clock = manualClock();
      const storage = shaky(ledger(clock));
      await using house = rig({ ...NOW, clock, storage, answer: { attempts: 2 } });
      await house.sms.processDue();
      storage.lostAnswers.add(name);
      const text = () => house.text("hello", { sid: "SMonce" });
      await text().catch(() => text().catch(() => {}));
      const passing = deferred();
      void (async () => {
        for (let round = 0; round < 60; round += 1) {
          await house.sms.processDue().catch(() => {});
          await breatheOften(3);
        }
        passing.resolve();
      })();
      let over = false;
      void passing.promise.then(() => {
        over = true;
      });
      while (!over) {
        await breathe();
        await clock.advance(15_000);
      }
      expect([name, house.provider.sent.map(({ body }) => body)]).toEqual([name, ["re: hello"]]);
    }
  }, 30_000);
});
