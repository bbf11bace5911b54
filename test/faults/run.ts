import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Plan, Point } from "./crash-points.ts";
import { openDatabase } from "./databases.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { judge, type Verdict } from "./judge.ts";
import { calm, generator, type Network } from "./network.ts";
import { letPeopleText } from "./people.ts";
import { ACCOUNT, type Carrier, startCarrier } from "./processes.ts";
import { type Disturbance, recoveryOf } from "./recovery.ts";
import { DEFAULT_LEASE_MS, parseRunOptions, type RunOptions } from "./run-options.ts";
import { type Outcome, printOutcome } from "./table.ts";

/*
 * The fault suite: people text through a carrier that fails, into processes that are killed, and the carrier's ledger
 * says what became of it. `npm run faults -- --help` names the options.
 */
const OURS = "+15703251809";
const PUBLIC_URL = "http://sms.faults.test/webhook#rc=5&rp=all";
const POINTS: readonly Point[] = [
  "before:recordInbound",
  "after:recordInbound",
  "after:ack",
  "after:claimTurn",
  "before:ai",
  "after:ai",
  "after:commitTurn",
  "before:claimSend",
  "after:claimSend",
  "before:post",
  "after:post",
  "after:recordSend",
  "before:recordStatus",
  "after:recordStatus",
  "after:heartbeat",
];
const GRACE_MS = 1000;
/** Models take seconds; this is enough for a kill to find some of them at work. */
const FAST_MS = 250;
const SLOW_MS = 1000;
/** Longer than a busy machine takes for an answer, so that a hung one is what it catches. */
const TRANSPORT_TIMEOUT_MS = 6000;
const STORM_MS = 2000;
const FREEZE_BEYOND_LEASE_MS = 2000;
const DATABASE_PAUSE_MS = 500;
/** How long nothing may happen at all before a run is given up. */
const STALL_MS = 90_000;
const SWEEP_MS = 5000;
const START_LIMIT_MS = 20_000;
const AN_HOUR_MS = 3_600_000;

function stormy({ listLagMs, callbackLoss }: RunOptions): Network {
  return {
    ...calm,
    listLagMs,
    callbackLoss,
    tooMany: 0.01,
    retryAfterSeconds: 1,
    dropBefore: 0.005,
    dropAfter: 0.01,
    errorBefore: 0.005,
    errorAfter: 0.005,
    hangBefore: 0.002,
    hangAfter: 0.004,
    listError: 0.02,
    callbackTwice: 0.05,
    callbackReorder: 0.1,
    callbackEarly: 0.1,
    callbackForged: 0.02,
    callbackMs: 400,
    webhookTwice: 0.03,
    webhookLoss: 0.01,
    webhookTimeoutMs: 10_000,
    webhookRetryMs: [500, 1000, 2000, 4000, 8000],
  };
}

async function runOnce(run: RunOptions): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), "ownline-faults-"));
  const random = generator(run.seed);
  const durationMs = run.minutes * 60_000;
  await using database = await openDatabase(run.storage, dir);
  await using carrier = await startCarrier(dir, run.seed);
  const phase = { isOver: false };
  await using fleet = await startFleet({
    carrier,
    dir,
    size: run.engines,
    random,
    plan: () => (phase.isOver || run.kills === 0 || random() < 0.5 ? [] : [planOf(random)]),
    settings: (slot) => ({
      ...ACCOUNT,
      number: OURS,
      publicUrl: PUBLIC_URL,
      apiUrl: carrier.apiUrl,
      storageUrl: database.url,
      // Where the ledger has a clock of its own, nobody else's counts.
      clockOffsetMs: slot === 1 && database.hasClock ? AN_HOUR_MS : 0,
      fastMs: FAST_MS,
      slowMs: SLOW_MS,
      transportTimeoutMs: TRANSPORT_TIMEOUT_MS,
      options: {
        burst: { quietMs: 300, maxWaitMs: 5000 },
        answer: { timeoutMs: 3000, backoffMs: 300 },
        sending: {
          validityMs: 1000,
          unknownWindowMs: run.windowMs,
          // Nothing overtakes, so that each answer out of order is a mistake.
          orderWaitMs: 20 * run.windowMs + AN_HOUR_MS,
          maxSegments: 1,
          // At a long code's pace one number would take half an hour for two thousand texts.
          pace: false,
          backoffMs: 300,
        },
        // Texts whose webhook was given up, or is lost.
        sweep: { everyMs: SWEEP_MS },
        ...(run.leaseMs === null ? {} : { worker: { leaseMs: run.leaseMs } }),
      },
    }),
  });

  const network = stormy(run);
  await fleet.setNetwork(network);
  const startedAt = Date.now();
  const disturbances: Disturbance[] = [];
  const trouble = makeTrouble({ run, fleet, network, durationMs, database, disturbances });
  await letPeopleText({
    texts: run.texts,
    durationMs,
    random: generator(run.seed + 1),
    text: (from, body) => carrier.text(from, OURS, body),
    isAcknowledged: acknowledgements(carrier),
  });
  await trouble;
  phase.isOver = true;
  await fleet.setNetwork({ ...calm, listLagMs: run.listLagMs });
  const verdict = await whenCalm(carrier, run);

  const outcome: Outcome = {
    run,
    verdict,
    kills: fleet.kills,
    restarts: fleet.restarts,
    notices: countOf(fleet.traces().flatMap((trace) => (trace.kind === "notice" ? [trace.notice] : []))),
    recovery: recoveryOf(carrier.entries(), verdict, fleet.kills, fleet.freezes, disturbances),
    troubles: await trouble,
    tookMs: Date.now() - startedAt,
    dir,
    lastWords: fleet.output(),
  };
  // What the ledgers do not say, for whoever looks for the reason.
  const kills = fleet.kills.map((kill) => ({ ...kill, turns: [...kill.turns], sends: [...kill.sends] }));
  writeFileSync(join(dir, "kills.json"), JSON.stringify(kills, null, 1));
  if (verdict.violations.length === 0) rmSync(dir, { recursive: true, force: true });
  return outcome;
}

/** Whether a text was acknowledged, without reading the whole ledger each time. */
function acknowledgements(carrier: Carrier): (sid: string) => boolean {
  const acknowledged = new Set<string>();
  let read = 0;
  return (sid) => {
    const entries = carrier.entries();
    for (; read < entries.length; read += 1) {
      const entry = entries[read];
      if (entry?.kind === "webhook-answer" && entry.status === 200) acknowledged.add(entry.sid);
    }
    return acknowledged.has(sid);
  };
}

function planOf(random: () => number): Plan {
  const point = POINTS[Math.floor(random() * POINTS.length)] ?? "after:ack";
  return { deed: "kill", point, nth: 1 + Math.floor(random() * 20) };
}

interface TroubleParts {
  readonly run: RunOptions;
  readonly fleet: Fleet;
  readonly network: Network;
  readonly durationMs: number;
  readonly database: { restart: (() => Promise<void>) | null };
  readonly disturbances: Disturbance[];
}

/** Spread over the run: kills, and a few of everything else. Kills go on until there were enough of them. */
async function makeTrouble(parts: TroubleParts): Promise<Outcome["troubles"]> {
  const { run, fleet, network, durationMs, database, disturbances } = parts;
  const troubles = { freezes: 0, deploys: 0, storms: 0, databaseRestarts: 0 };
  const started = Date.now();
  const from = async (share: number, deed: () => Promise<void>): Promise<void> => {
    await wait(Math.max(0, started + share * durationMs - Date.now()));
    const begun = Date.now();
    await deed();
    disturbances.push({ from: begun, to: Date.now() });
  };
  const others = [
    from(0.15, storm),
    from(0.3, deploy),
    from(0.4, freeze),
    from(0.55, storm),
    from(0.6, restartDatabase),
    from(0.7, freeze),
    from(0.8, deploy),
    from(0.9, restartDatabase),
  ];
  async function storm(): Promise<void> {
    troubles.storms += 1;
    await fleet.setNetwork({ ...network, tooMany: 0.9 });
    await wait(STORM_MS);
    await fleet.setNetwork(network);
  }
  async function deploy(): Promise<void> {
    troubles.deploys += 1;
    await fleet.deploy();
  }
  async function freeze(): Promise<void> {
    if (run.engines < 2) return;
    troubles.freezes += 1;
    await fleet.freeze((run.leaseMs ?? DEFAULT_LEASE_MS) + FREEZE_BEYOND_LEASE_MS);
  }
  async function restartDatabase(): Promise<void> {
    if (database.restart === null) return;
    troubles.databaseRestarts += 1;
    await database.restart();
    await wait(DATABASE_PAUSE_MS);
  }

  while (fleet.kills.length < run.kills) {
    const due = Math.floor((run.kills * (Date.now() - started)) / durationMs);
    if (fleet.kills.length < Math.min(run.kills, due)) {
      const before = fleet.kills.length;
      const isKilled = fleet.kill();
      // It counts when its successor is there.
      for (let waited = 0; isKilled && fleet.kills.length === before && waited < START_LIMIT_MS; waited += 50) {
        await wait(50);
      }
    }
    await wait(100);
  }
  await Promise.all(others);
  return troubles;
}

/** Waits until every promise is kept and nothing more comes, or until nothing has happened for long. */
async function whenCalm(carrier: Carrier, { windowMs, leaseMs }: RunOptions): Promise<Verdict> {
  // A late second copy comes after a lease and a window at the latest.
  const settleMs = windowMs + (leaseMs ?? DEFAULT_LEASE_MS) + 3000;
  let last = { sent: 0, at: Date.now() };
  for (;;) {
    const entries = carrier.entries();
    const sent = entries.reduce((count, { kind }) => count + (kind === "taken" ? 1 : 0), 0);
    if (sent !== last.sent) last = { sent, at: Date.now() };
    const quietMs = Date.now() - last.at;
    if (quietMs > settleMs) {
      const verdict = judge(entries, { graceMs: GRACE_MS });
      const isWaiting = verdict.violations.some(({ kind }) => kind === "lost");
      if (!isWaiting || quietMs > STALL_MS) return verdict;
    }
    await wait(1000);
  }
}

function countOf(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

let failed = false;
for (const run of parseRunOptions(process.argv.slice(2))) {
  const outcome = await runOnce(run);
  printOutcome(outcome);
  failed ||= outcome.verdict.violations.length > 0;
}
process.exit(failed ? 1 : 0);
