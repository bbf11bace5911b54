import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import type { OwnlineOptions } from "../../src/index.ts";
import { WITHOUT_MONGODB } from "../databases/mongodb.ts";
import type { Point } from "./crash-points.ts";
import { LEDGERS, type LedgerKind, type MatrixLedgers, matrixLedgers } from "./matrix-ledgers.ts";
import { answerTo, at, dies, type MatrixScene, matrixScene } from "./matrix-scene.ts";
import { type Provider, startProvider } from "./processes.ts";
import { heldBy, readTrace } from "./trace.ts";

// Real processes on real time: leases and windows are short, since no clock can be moved. A case mostly waits, so many
// cases run at once, of all rounds and ledgers.
const AT_ONCE = Number(process.env.OWNLINE_FAULTS_AT_ONCE ?? 8);
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000, maxConcurrency: AT_ONCE });

/**
 * How often each point is forced. Once on MongoDB, because a round on its test server takes longer than three rounds on
 * the other ledgers.
 */
const ROUNDS = Number(process.env.OWNLINE_FAULTS_ROUNDS ?? 1);
const ROUNDS_ON_MONGODB = Number(process.env.OWNLINE_FAULTS_MONGODB_ROUNDS ?? 1);
const WINDOW_MS = 1500;
const OPTIONS: Pick<OwnlineOptions, "burst" | "answer" | "sending" | "sweep" | "worker"> = {
  burst: { quietMs: 100, maxWaitMs: 5000 },
  answer: { timeoutMs: 5000, backoffMs: 100 },
  sending: {
    validityMs: 1000,
    unknownWindowMs: WINDOW_MS,
    orderWaitMs: 30_000,
    maxSegments: 1,
    backoffMs: 100,
    rateLimit: false,
  },
  worker: { leaseMs: 800, pollMs: 50 },
};
/**
 * A transaction takes a dozen commands on MongoDB. With the short lease, a busy machine would lose the lease before
 * each send.
 */
const ON_MONGODB: Partial<typeof OPTIONS> = { worker: { leaseMs: 2000, pollMs: 200 } };

const mongodbUrl = inject("mongodbUrl");

let dir: string;
let provider: Provider;
let ledgers: MatrixLedgers;
let scenes = 0;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "ownline-faults-"));
  provider = await startProvider(dir, 1);
  ledgers = matrixLedgers(dir, mongodbUrl);
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await ledgers[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function scene(kind: LedgerKind, changes: Partial<typeof OPTIONS> = {}, crashes = false): Promise<MatrixScene> {
  scenes += 1;
  const index = scenes;
  const ledger = await ledgers.open(kind, String(index), crashes);
  const options = { ...OPTIONS, ...(kind === "mongodb" ? ON_MONGODB : {}), ...changes };
  return matrixScene({ ledger, provider, dir, index, options });
}

const CASES = LEDGERS.flatMap((ledger) => {
  const length = ledger === "mongodb" ? ROUNDS_ON_MONGODB : ROUNDS;
  return Array.from({ length }, (_, round) => [ledger, round + 1] as const);
});

describe.concurrent.each(CASES)("kill -9 of a real process on %s, round %i", (ledger) => {
  beforeEach(({ skip }) => skip(ledger === "mongodb" && mongodbUrl === "", WITHOUT_MONGODB));

  it.each<[string, Point]>([
    ["C0: before the inbound commit", "before:recordInbound"],
    ["C1: committed, before the 200", "after:recordInbound"],
    ["C2: after the 200, before the due time", "after:ack"],
    ["C4: the lease taken, the AI at work", "before:ai"],
    ["C5: the AI done, the turn not committed", "after:ai"],
    ["C6: the turn committed, nothing sent", "after:commitTurn"],
    ["C7: sending committed, before the POST", "after:claimSend"],
  ])("%s: one answer", async (_, point) => {
    await using on = await scene(ledger);
    await on.killedAt(point);
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
  });

  it("C8: taken by the provider, every callback lost: its list settles it", async () => {
    await using on = await scene(ledger);
    await on.network({ callbackLoss: 1, listLagMs: 100 });
    await on.killedAt("after:post");
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
    expect(on.notices()).toContain("found");
  });

  it("C0: the webhook is lost for good: the sweep brings the text", async () => {
    await using on = await scene(ledger, { sweep: { everyMs: 1000 } });
    await on.network({ webhookLoss: 1 });
    await on.start();
    await on.text("#1 fast please");
    expect(await on.receives(1)).toEqual([answerTo(1)]);
    expect(on.verdict()).toMatchObject({ acknowledged: 0, unacknowledgedAnswered: 1, violations: [] });
  });

  it("C8: taken by the provider, its answer lost: a callback settles it", async () => {
    // Longer than the provider waits for a process that does not answer.
    await using on = await scene(ledger, {
      sending: { ...OPTIONS.sending, unknownWindowMs: 60_000, orderWaitMs: 90_000 },
    });
    await on.killedAt("after:post");
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
  });

  it("C3: during the debounce: the window counts from the stored time", async () => {
    const quietMs = 2000;
    await using on = await scene(ledger, { burst: { quietMs, maxWaitMs: 20_000 } });
    const first = await on.start({ plans: [at("kill", "after:ack", 2)] });
    await on.text("#1 fast please");
    await on.acknowledged(1);
    const last = await on.text("#2 fast please");
    await dies(first);
    await on.start();
    expect(await on.receives(1)).toEqual([answerTo(1, 2)]);
    const second = on.entries("webhook-answer").find(({ sid }) => sid === last);
    const waitedMs = (on.entries("taken")[0]?.at ?? 0) - (second?.at ?? 0);
    expect(waitedMs).toBeGreaterThan(quietMs - 100);
  });

  it("C9: no evidence until the window is over: one duplicate, and it is counted", async () => {
    await using on = await scene(ledger);
    await on.network({ callbackLoss: 1, listLagMs: 60_000 });
    await on.killedAt("after:post");
    expect(await on.receives(2)).toEqual([answerTo(1), answerTo(1)]);
    expect(on.notices()).toContain("resent");
    expect(on.verdict()).toMatchObject({ silentDuplicates: 1, violations: [] });
  });

  it("C9: no evidence until the window is over: held, where the policy says so", async () => {
    await using on = await scene(ledger, { sending: { ...OPTIONS.sending, unknown: "hold" } });
    await on.network({ callbackLoss: 1, listLagMs: 60_000 });
    await on.killedAt("after:post");
    await on.until("the message is held", () => on.notices().includes("held"));
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
  });

  it("C10: between the parts of a long reply: it goes on at the first part that the provider did not take", async () => {
    await using on = await scene(ledger);
    await on.killedAt("after:recordSend", "#1 long please");
    await on.until("the last part", () => on.received().at(-1)?.endsWith("done") === true);
    const received = await on.inTheEnd();
    expect(received.length).toBeGreaterThan(2);
    expect(received.slice(0, -1).join(" ")).toMatch(/^re: 1 w1 w2 .* w80 done$/);
  });

  it.each<[string, Point, "turns" | "sends"]>([
    ["with an answer that it had not committed", "after:ai", "turns"],
    ["with a text that it had claimed, and not posted", "after:claimSend", "sends"],
  ])("C11: a process wakes after losing its lease, %s: one answer", async (_, point, held) => {
    await using on = await scene(ledger);
    const frozen = await on.start({ plans: [at("freeze", point)] });
    await on.text("#1 fast please");
    await on.until("it holds what it will lose", () => heldBy(readTrace(frozen.traceFile))[held].size === 1);
    await on.start();
    expect(await on.receives(1)).toEqual([answerTo(1)]);
    frozen.signal("SIGCONT");
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
    expect(frozen.isAlive).toBe(true);
  });

  it("C12: STOP committed while a reply waits: cancelled at the send admission", async () => {
    await using on = await scene(ledger);
    await on.network({ tooMany: 1, retryAfterSeconds: 2 });
    await on.killedAt("after:recordSend");
    expect(on.received()).toEqual([]);
    await on.text("STOP");
    await on.acknowledged(2);
    // The reply may have been on its way to the provider. Then it is refused at its next send admission.
    const [refused] = on.entries("post");
    await on.until("the reply is cancelled", async () => {
      return (await on.message(refused?.outboundId))?.status === "cancelled";
    });
    await on.network({});
    await on.text("START");
    await on.acknowledged(3);
    expect(await on.inTheEnd()).toEqual([answerTo(99)]);
  });

  it("C13: the ledger is unreachable: each acknowledged text survives, and no other text was acknowledged", async () => {
    await using on = await scene(ledger, {}, true);
    // As long as Twilio waits: the MongoDB driver needs some seconds to notice that its server does not answer.
    await on.network({ webhookTimeoutMs: 15_000 });
    await on.start();
    await on.text("#1 slow please");
    await on.acknowledged(1);
    await on.ledger.away(async () => {
      await on.text("#2 fast please");
      // A server that crashed may answer again before any process calls it.
      if (ledger !== "postgres") {
        await on.until("a 503", () => on.entries("webhook-answer").some(({ status }) => status === 503));
      }
    });
    // Whether the AI answers both together depends on which one it saw first.
    expect((await on.inTheEnd()).at(-1)).toBe(answerTo(99));
  });

  it("C14: callbacks early, twice, reordered and forged: merged by rank", async () => {
    await using on = await scene(ledger);
    await on.network({ callbackEarly: 1, callbackTwice: 1, callbackReorder: 1, callbackForged: 1 });
    await on.start();
    await on.text("#1 fast please");
    await on.until("six callbacks", () => on.entries("callback").length === 6);
    expect(
      on
        .entries("callback")
        .filter(({ forged }) => forged)
        .map(({ answer }) => answer),
    ).toEqual([403, 403]);
    const [taken] = on.entries("taken");
    const message = await on.message(taken?.outboundId);
    expect(message).toMatchObject({ status: "delivered", attempts: 1, providerMessageIds: [taken?.sid] });
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
  });

  it("C15: the clock of one process is an hour ahead: answered once, in order", async () => {
    await using on = await scene(ledger);
    await on.start();
    await on.start({ clockOffsetMs: 3_600_000 });
    for (const tag of [1, 2, 3]) {
      await on.text(`#${tag} fast please`);
      await on.until(`the answer to ${tag}`, () => on.verdict().answeredAt.has(tag));
    }
    expect(await on.inTheEnd()).toEqual([1, 2, 3, 99].map((tag) => answerTo(tag)));
  });

  it("C16: a deploy stops a process while the AI works: one answer", async () => {
    await using on = await scene(ledger);
    const first = await on.start();
    await on.text("#1 slow please");
    await on.acknowledged(1);
    first.signal("SIGTERM");
    expect(await first.ended, first.output()).toMatchObject({ code: 0, signal: null });
    await on.start();
    expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
  });

  it.each(["before", "after"] as const)(
    "C17: the ledger's answer is lost on every call once, %s the commit: the repetition returns the first result",
    async (when) => {
      await using on = await scene(ledger);
      const calls = [
        "recordInbound",
        "claimTurns",
        "commitTurn",
        "claimSend",
        "recordSend",
        "recordStatus",
        "heartbeat",
      ];
      await on.start({ plans: calls.map((call) => at("lose", `${when}:${call}`, call === "heartbeat" ? 2 : 1)) });
      await on.text("#1 fast please");
      expect(await on.inTheEnd()).toEqual([answerTo(1), answerTo(99)]);
    },
  );
});
