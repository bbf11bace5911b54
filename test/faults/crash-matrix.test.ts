import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { OwnlineOptions } from "../../src/index.ts";
import { startPostgres } from "../databases/embedded-postgres.ts";
import type { Deed, Plan, Point } from "./crash-points.ts";
import { type Carrier, type EngineProcess, startCarrier } from "./processes.ts";
import { createScene, type Scene } from "./scene.ts";
import { openStorage } from "./storages.ts";
import { heldBy, readTrace } from "./trace.ts";

// Real processes, on real time: leases and windows are short instead of moved.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000, maxConcurrency: 4 });

const LEDGERS = ["sqlite", "postgres"] as const;
type Ledger = (typeof LEDGERS)[number];
/** How often each point is forced. */
const ROUNDS = Number(process.env.OWNLINE_FAULTS_ROUNDS ?? 1);
const LEASE_MS = 800;
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
    pace: false,
  },
  worker: { leaseMs: LEASE_MS, pollMs: 50 },
};

/** A text's answer, where it is one part. */
const answerTo = (...tags: number[]): string => `re: ${tags.join(",")} w1 done`;

const at = (deed: Deed, point: Point, nth = 1): Plan => ({ deed, point, nth });

let dir: string;
let carrier: Carrier;
let scenes = 0;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "ownline-faults-"));
  carrier = await startCarrier(dir, 1);
});
afterAll(async () => {
  await carrier[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** A scene on a ledger of its own. */
async function scene(ledger: Ledger, changes: Partial<typeof OPTIONS> = {}, given?: string): Promise<Scene> {
  scenes += 1;
  const index = scenes;
  const storageUrl = given ?? (await newLedger(ledger, `ledger_${index}`));
  return createScene({ carrier, dir, storageUrl, index, options: { ...OPTIONS, ...changes } });
}

async function newLedger(ledger: Ledger, name: string): Promise<string> {
  if (ledger === "sqlite") return `sqlite:${join(dir, `${name}.db`)}?busy=300`;
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  await client.query(`create database faults_${name}`);
  await client.end();
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/faults_${name}`;
  return migrated(url.href);
}

async function migrated(url: string): Promise<string> {
  const storage = await openStorage(url);
  await storage.migrate();
  await storage.close();
  return url;
}

async function receives(on: Scene, count: number): Promise<readonly string[]> {
  await on.until(`${count} texts sent`, () => on.received().length >= count);
  return on.received();
}

/**
 * Everything that the person got, when the next text is answered too. A second copy of anything would have to come
 * before that answer: a conversation is serial.
 */
async function inTheEnd(on: Scene): Promise<readonly string[]> {
  await on.until("each text acknowledged and answered", () => {
    const { unacknowledged, violations } = on.verdict();
    return unacknowledged === 0 && violations.every(({ kind }) => kind !== "lost");
  });
  await on.text("#99 fast please");
  await on.until("the next answer", () => on.verdict().answeredAt.has(99));
  expect(on.verdict().violations, on.output()).toEqual([]);
  return on.received();
}

async function acknowledged(on: Scene, count: number): Promise<void> {
  await on.until(`${count} acknowledged`, () => on.verdict().acknowledged === count);
}

async function dies(engine: EngineProcess): Promise<void> {
  expect((await engine.ended).signal, engine.output()).toBe("SIGKILL");
}

/** A process that dies at a point while it handles a text; then another one. */
async function killedAt(on: Scene, point: Point, body = "#1 fast please"): Promise<EngineProcess> {
  const first = await on.start({ plans: [at("kill", point)] });
  await on.text(body);
  await dies(first);
  return on.start();
}

const CASES = LEDGERS.flatMap((ledger) => Array.from({ length: ROUNDS }, (_, round) => [ledger, round + 1] as const));

describe.each(CASES)("kill -9 of a real process on %s, round %i", (ledger) => {
  it.concurrent.each<[string, Point]>([
    ["C0: before the inbound commit", "before:recordInbound"],
    ["C1: committed, before the 200", "after:recordInbound"],
    ["C2: after the 200, before the due time", "after:ack"],
    ["C4: the lease taken, the AI at work", "before:ai"],
    ["C5: the AI done, the turn not committed", "after:ai"],
    ["C6: the turn committed, nothing sent", "after:commitTurn"],
    ["C7: sending committed, before the POST", "after:claimSend"],
  ])("%s: one answer", async (_, point) => {
    await using on = await scene(ledger);
    await killedAt(on, point);
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
  });

  it.concurrent("C8: taken by the carrier, every callback lost: its list settles it", async () => {
    await using on = await scene(ledger);
    await on.network({ callbackLoss: 1, listLagMs: 100 });
    await killedAt(on, "after:post");
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
    expect(on.notices()).toContain("found");
  });

  it.concurrent("C0: the webhook is lost for good: the sweep brings the text", async () => {
    await using on = await scene(ledger, { sweep: { everyMs: 1000 } });
    await on.network({ webhookLoss: 1 });
    await on.start();
    await on.text("#1 fast please");
    expect(await receives(on, 1)).toEqual([answerTo(1)]);
    expect(on.verdict()).toMatchObject({ acknowledged: 0, unacknowledgedAnswered: 1, violations: [] });
  });

  it.concurrent("C8: taken by the carrier, its answer lost: a callback settles it", async () => {
    // Longer than the carrier's patience with a process that is away.
    await using on = await scene(ledger, {
      sending: { ...OPTIONS.sending, unknownWindowMs: 60_000, orderWaitMs: 90_000 },
    });
    await killedAt(on, "after:post");
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
  });

  it.concurrent("C3: during the debounce: the window counts from the stored time", async () => {
    const quietMs = 2000;
    await using on = await scene(ledger, { burst: { quietMs, maxWaitMs: 20_000 } });
    const first = await on.start({ plans: [at("kill", "after:ack", 2)] });
    await on.text("#1 fast please");
    await acknowledged(on, 1);
    const last = await on.text("#2 fast please");
    await dies(first);
    await on.start();
    expect(await receives(on, 1)).toEqual([answerTo(1, 2)]);
    const second = on.entries("webhook-answer").find(({ sid }) => sid === last);
    const waitedMs = (on.entries("taken")[0]?.at ?? 0) - (second?.at ?? 0);
    expect(waitedMs).toBeGreaterThan(quietMs - 100);
  });

  it.concurrent("C9: every witness silent past the window: one duplicate, and it is counted", async () => {
    await using on = await scene(ledger);
    await on.network({ callbackLoss: 1, listLagMs: 60_000 });
    await killedAt(on, "after:post");
    expect(await receives(on, 2)).toEqual([answerTo(1), answerTo(1)]);
    expect(on.notices()).toContain("resent");
    expect(on.verdict()).toMatchObject({ silentDuplicates: 1, violations: [] });
  });

  it.concurrent("C9: every witness silent past the window: held, where the policy says so", async () => {
    await using on = await scene(ledger, { sending: { ...OPTIONS.sending, unknown: "hold" } });
    await on.network({ callbackLoss: 1, listLagMs: 60_000 });
    await killedAt(on, "after:post");
    await on.until("the message is held", () => on.notices().includes("held"));
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
  });

  it.concurrent("C10: between the parts of a long reply: it goes on at the first part that was not taken", async () => {
    await using on = await scene(ledger);
    await killedAt(on, "after:recordSend", "#1 long please");
    await on.until("the last part", () => on.received().at(-1)?.endsWith("done") === true);
    const received = await inTheEnd(on);
    expect(received.length).toBeGreaterThan(2);
    expect(received.slice(0, -1).join(" ")).toMatch(/^re: 1 w1 w2 .* w80 done$/);
  });

  it.concurrent.each<[string, Point, "turns" | "sends"]>([
    ["with an answer that it had not committed", "after:ai", "turns"],
    ["with a text that it had claimed, and not posted", "after:claimSend", "sends"],
  ])("C11: a process wakes after losing its lease, %s: one answer", async (_, point, held) => {
    await using on = await scene(ledger);
    const frozen = await on.start({ plans: [at("freeze", point)] });
    await on.text("#1 fast please");
    await on.until("it holds what it will lose", () => heldBy(readTrace(frozen.traceFile))[held].size === 1);
    await on.start();
    expect(await receives(on, 1)).toEqual([answerTo(1)]);
    frozen.signal("SIGCONT");
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
    expect(frozen.isAlive).toBe(true);
  });

  it.concurrent("C12: STOP committed while a reply waits: cancelled at the gate", async () => {
    await using on = await scene(ledger);
    await on.network({ tooMany: 1, retryAfterSeconds: 2 });
    await killedAt(on, "after:recordSend");
    expect(on.received()).toEqual([]);
    await on.text("STOP");
    await acknowledged(on, 2);
    await on.network({});
    await on.text("START");
    await acknowledged(on, 3);
    expect(await inTheEnd(on)).toEqual([answerTo(99)]);
  });

  it.concurrent("C13: the ledger is away: what was acknowledged survives, and nothing else was", async () => {
    await using server = ledger === "postgres" ? await ownPostgres() : null;
    await using on = await scene(ledger, {}, server?.url);
    await on.start();
    await on.text("#1 slow please");
    await acknowledged(on, 1);
    if (server === null) {
      const away = takeAway(on.storageUrl);
      await on.text("#2 fast please");
      await on.until("a 503", () => on.entries("webhook-answer").some(({ status }) => status === 503));
      away.bringBack();
    } else {
      const back = server.crash();
      await on.text("#2 fast please");
      await back;
    }
    // Whether both are answered together depends on which of them the AI saw first.
    expect((await inTheEnd(on)).at(-1)).toBe(answerTo(99));
  });

  it.concurrent("C14: callbacks early, twice, reordered and forged: merged by rank", async () => {
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
    const storage = await openStorage(on.storageUrl);
    const story = await storage.story(taken?.outboundId ?? "");
    await storage.close();
    expect(story?.message).toMatchObject({ status: "delivered", attempts: 1, carrierIds: [taken?.sid] });
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
  });

  it.concurrent("C15: the clock of one process is an hour ahead: answered once, in order", async () => {
    await using on = await scene(ledger);
    await on.start();
    await on.start({ clockOffsetMs: 3_600_000 });
    for (const tag of [1, 2, 3]) {
      await on.text(`#${tag} fast please`);
      await on.until(`the answer to ${tag}`, () => on.verdict().answeredAt.has(tag));
    }
    expect(await inTheEnd(on)).toEqual([1, 2, 3, 99].map((tag) => answerTo(tag)));
  });

  it.concurrent("C16: a deploy ends a process politely, with the AI at work: one answer", async () => {
    await using on = await scene(ledger);
    const first = await on.start();
    await on.text("#1 slow please");
    await acknowledged(on, 1);
    first.signal("SIGTERM");
    expect(await first.ended, first.output()).toMatchObject({ code: 0, signal: null });
    await on.start();
    expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
  });

  it.concurrent.each(["before", "after"] as const)(
    "C17: the ledger's answer is lost on every call once, %s the commit: the repetition returns the first result",
    async (when) => {
      await using on = await scene(ledger);
      const calls = [
        "recordInbound",
        "claimTurn",
        "commitTurn",
        "claimSend",
        "recordSend",
        "recordStatus",
        "heartbeat",
      ];
      await on.start({ plans: calls.map((call) => at("lose", `${when}:${call}`, call === "heartbeat" ? 2 : 1)) });
      await on.text("#1 fast please");
      expect(await inTheEnd(on)).toEqual([answerTo(1), answerTo(99)]);
    },
  );
});

/** A server that only this test crashes. */
async function ownPostgres(): Promise<AsyncDisposable & { readonly url: string; crash(): Promise<void> }> {
  const server = await startPostgres();
  return { url: await migrated(server.url), crash: server.crash, [Symbol.asyncDispose]: server.stop };
}

/** Locks everybody else out of the file. */
function takeAway(url: string): { bringBack(): void } {
  const database = new DatabaseSync(url.replace(/^sqlite:|\?.*$/g, ""));
  database.exec("pragma busy_timeout = 5000");
  database.exec("begin immediate");
  return {
    bringBack() {
      database.exec("rollback");
      database.close();
    },
  };
}
