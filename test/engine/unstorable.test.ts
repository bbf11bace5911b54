import { describe, expect, it } from "vitest";
import type { Ai } from "../../src/ai/ai.ts";
import { OwnlineError } from "../../src/index.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { Storage, TurnClaim, TurnCommit } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { ledger, type Rig, type RigOptions, rig } from "./rig.ts";

const FALLBACK = "Sorry, I cannot answer right now. Please try again in a little while.";

type Call = "commitTurn" | "releaseTurn" | "messages" | "history";

interface Refusing {
  /** Whether the ledger refuses the call, and with what. */
  refuse(call: Call, commit: TurnCommit | null): Error | null;
}

/** A ledger that refuses some calls. */
function refusingRig({ refuse }: Refusing, options: RigOptions = {}): Rig {
  const clock = manualClock();
  const inner = ledger(clock);
  const guarded = <Args extends unknown[], Result>(call: Call, run: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      const [given] = args;
      const isCommit = typeof given === "object" && given !== null && "parts" in given;
      const error = refuse(call, isCommit ? Object.assign({} as TurnCommit, given) : null);
      if (error !== null) throw error;
      return run(...args);
    };
  };
  const storage: Storage = Object.assign(Object.create(inner), {
    commitTurn: guarded("commitTurn", (commit: TurnCommit) => inner.commitTurn(commit)),
    releaseTurn: guarded("releaseTurn", (release: Parameters<Storage["releaseTurn"]>[0]) => inner.releaseTurn(release)),
    async claimTurns(claim: TurnClaim) {
      const error = claim.historyLimit === undefined ? null : refuse("history", null);
      if (error !== null) throw error;
      return await inner.claimTurns(claim);
    },
    messages: guarded("messages", (page: Parameters<Storage["messages"]>[0]) => inner.messages(page)),
  });
  return rig({ burst: { quietMs: 0 }, answer: { attempts: 3, backoffMs: 2000 }, ...options, clock, storage });
}

const tooBig = () => new TypeError("the row is too big");
const away = () => new OwnlineError("storage_unavailable", "the database is away", { retryable: true });
const isAnswer = (commit: TurnCommit | null): boolean => commit?.outcome === "replied";

describe("an answer that the ledger refuses for good", () => {
  it("counts as a failed run: the AI is asked again with a growing wait, then the fallback text leaves", async () => {
    await using house = refusingRig({ refuse: (_, commit) => (isAnswer(commit) ? tooBig() : null) });
    const text = await house.text("hello");
    await house.sms.processDue();
    expect(house.asked).toHaveLength(1);
    await house.clock.advance(1999);
    await house.sms.processDue();
    expect(house.asked).toHaveLength(1);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.asked).toHaveLength(2);
    await house.sms.settled();
    expect(house.asked).toHaveLength(3);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
    expect(house.turns).toMatchObject([{ outcome: "fallback", run: 3 }]);
    const steps = (await house.sms.explain(text.id))?.steps.join("\n");
    expect(steps).toMatch(/the last failure: the ledger \(\w+\) refused to store the end of a turn.*TypeError/);
    expect(steps).not.toContain("too big");
  });

  it("is forgiven where another answer can be stored", async () => {
    await using house = refusingRig({
      refuse: (_, commit) => (commit?.parts.some(({ body }) => body === "odd") === true ? tooBig() : null),
    });
    house.script = ({ run }) => (run === 1 ? "odd" : "fine");
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["fine"]);
  });

  it("ends the turn with an error event where the fallback text is refused as well, and holds nothing else up", async () => {
    let isBroken = true;
    await using house = refusingRig({ refuse: (call) => (isBroken && call === "commitTurn" ? tooBig() : null) });
    const text = await house.text("hello");
    await house.sms.settled();
    expect(house.asked).toHaveLength(3);
    expect(house.provider.sent).toEqual([]);
    expect(house.turns).toMatchObject([{ outcome: "failed", replies: [] }]);
    expect(house.errors.at(-1)?.message).toMatch(/ends without an answer.*requeue\(\)/);
    const explained = await house.sms.explain(text.id);
    expect(explained?.turn?.outcome).toBe("failed");
    expect(explained?.steps.join("\n")).toMatch(/the last failure: .*\n?.*the turn ended: failed/);

    isBroken = false;
    await house.text("and now?");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: and now?"]);
  });

  it("is answered anew by requeue() after the ledger is mended", async () => {
    let isBroken = true;
    await using house = refusingRig({ refuse: (call) => (isBroken && call === "commitTurn" ? tooBig() : null) });
    await house.text("hello");
    await house.sms.settled();
    isBroken = false;
    await house.sms.requeue(house.turns[0]?.turnId ?? "");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("stays a hand-off, with the fallback text", async () => {
    await using house = refusingRig({
      refuse: (_, commit) => (commit?.parts.some(({ body }) => body === "odd") === true ? tooBig() : null),
    });
    house.script = () => ({ kind: "hand-off", text: "odd" });
    const text = await house.text("a person, please");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
    expect((await house.sms.explain(text.id))?.conversation.paused).toBe(true);
    expect(house.turns).toMatchObject([{ outcome: "handed-off" }]);
  });

  it("brings no fallback text where a policy keeps the AI silent", async () => {
    const quiet: Policy = { name: "quiet", turn: () => ({ silence: true, reason: "looks like a machine" }) };
    await using house = refusingRig(
      { refuse: (call) => (call === "commitTurn" ? tooBig() : null) },
      { policies: [quiet] },
    );
    await house.text("beep");
    await house.sms.settled();
    expect(house.asked).toEqual([]);
    expect(house.provider.sent).toEqual([]);
    expect(house.turns).toMatchObject([{ outcome: "failed" }]);
  });

  it("counts although the ledger refuses to take the turn back at that moment", async () => {
    let released = 0;
    await using house = refusingRig(
      {
        refuse(call, commit) {
          if (call === "releaseTurn") released += 1;
          return isAnswer(commit) || (call === "releaseTurn" && released % 2 === 1) ? tooBig() : null;
        },
      },
      { worker: { leaseMs: 1000 } },
    );
    await house.text("hello");
    await house.sms.start();
    for (let second = 0; second < 60; second += 1) await house.clock.advance(1000);
    await house.sms.stop();
    expect(house.asked).toHaveLength(3);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });
});

describe("a ledger that is away at each commit", () => {
  it("does not have the AI asked without end", async () => {
    let isAway = true;
    await using house = refusingRig(
      { refuse: (call) => (isAway && call === "commitTurn" ? away() : null) },
      { worker: { leaseMs: 1000 }, answer: { attempts: 1, backoffMs: 100 } },
    );
    await house.text("hello");
    await house.sms.start();
    for (let second = 0; second < 90; second += 1) await house.clock.advance(1000);
    expect(house.asked.length).toBeLessThanOrEqual(5);
    isAway = false;
    for (let second = 0; second < 90; second += 1) await house.clock.advance(1000);
    await house.sms.stop();
    expect(house.asked.length).toBeLessThanOrEqual(5);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("has the text answered after one such time, however few attempts there are", async () => {
    let isAway = true;
    await using house = refusingRig(
      { refuse: (call) => (isAway && call === "commitTurn" ? away() : null) },
      { worker: { leaseMs: 1000 }, answer: { attempts: 1, backoffMs: 100 } },
    );
    await house.text("hello");
    await house.sms.start();
    for (let second = 0; second < 4; second += 1) await house.clock.advance(1000);
    isAway = false;
    for (let second = 0; second < 10; second += 1) await house.clock.advance(1000);
    await house.sms.stop();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });
});

describe("a history that the ledger cannot read", () => {
  it("ends in the fallback text, without the AI", async () => {
    await using house = refusingRig({
      refuse: (call) => (call === "messages" || call === "history" ? tooBig() : null),
    });
    await house.text("hello");
    await house.sms.settled();
    expect(house.asked).toEqual([]);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("with the claim of several turns is read by each of them", async () => {
    await using house = refusingRig({ refuse: (call) => (call === "history" ? tooBig() : null) });
    await house.text("hello");
    await house.sms.settled();
    await house.text("and now?");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello", "re: and now?"]);
    expect(house.asked.at(-1)?.turn.history.map(({ text }) => text)).toEqual(["hello", "re: hello", "and now?"]);
  });

  it("is not read again where it came with the claim", async () => {
    await using house = refusingRig({ refuse: (call) => (call === "messages" ? tooBig() : null) });
    await house.text("hello");
    await house.sms.settled();
    await house.text("and now?");
    await house.sms.settled();
    expect(house.asked.at(-1)?.turn.history.map(({ text }) => text)).toEqual(["hello", "re: hello", "and now?"]);
  });
});

describe("what fails after the AI was asked", () => {
  const failures: Readonly<Record<string, (house: Rig) => void>> = {
    "a tool that throws": (house) => {
      house.script = (_, context) => {
        context.toolStarted();
        throw new Error("the tool broke");
      };
    },
    "an answer that is not one": (house) => {
      house.script = () => new Proxy({}, { get: () => 42 }) as unknown as ReturnType<Rig["script"]> & string;
    },
    "listeners of every event": (house) => {
      for (const name of ["message", "status", "turn", "notice", "error"] as const) {
        house.sms.on(name, () => {
          throw new Error("a listener broke");
        });
      }
    },
  };
  it.each(Object.keys(failures))("has the AI asked no more often than answer.attempts: %s", async (name) => {
    await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 2, backoffMs: 100 } });
    failures[name]?.(house);
    await house.text("hello");
    await house.sms.settled();
    expect(house.asked.length).toBeLessThanOrEqual(2);
    expect(house.provider.sent).toHaveLength(1);
  });

  it("has a policy's error at the send hold the message, and not the AI's turn", async () => {
    let asked = 0;
    const ai: Ai = {
      name: "counted",
      async reply() {
        asked += 1;
        return { kind: "text", text: "here" };
      },
    };
    let isBroken = true;
    const moody: Policy = {
      name: "moody",
      send() {
        if (isBroken) throw new Error("the policy broke");
        return null;
      },
    };
    await using house = rig({ burst: { quietMs: 0 }, policies: [moody], ai });
    await house.text("hello");
    await house.sms.processDue();
    await house.clock.advance(60_000);
    await house.sms.processDue();
    expect([asked, house.provider.sent.length]).toEqual([1, 0]);
    isBroken = false;
    await house.sms.settled();
    expect([asked, house.provider.sent.length]).toEqual([1, 1]);
  });
});
