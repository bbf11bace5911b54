import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { DEFAULT_LEASE_MS } from "../../src/engine/options/parse-options.ts";
import { openDatabase } from "./databases.ts";
import { startFleet } from "./fleet.ts";
import { judge, type Verdict } from "./judge.ts";
import { calm, generator } from "./network.ts";
import { peopleOf } from "./people.ts";
import { ACCOUNT, type Provider, startProvider } from "./processes.ts";
import { beyondBounds, type Disturbance, recoveryOf } from "./recovery.ts";
import { parseRunOptions, type RunOptions } from "./run-options.ts";
import { type Outcome, printOutcome } from "./table.ts";
import { troubleOf } from "./trouble.ts";

/*
 * The fault suite: people text through a provider with faults, into processes that are killed. The provider's ledger
 * shows the result. `npm run faults -- --help` lists the options.
 */
const OURS = "+15703251809";
const PUBLIC_URL = "http://sms.faults.test/webhook#rc=5&rp=all";
const GRACE_MS = 1000;
/** Models take seconds. This is long enough that a kill finds some runs at work. */
const FAST_MS = 250;
const SLOW_MS = 1000;
/** Longer than a busy machine needs for an answer, so that only a hung one is aborted. */
const TRANSPORT_TIMEOUT_MS = 6000;
/** After this time without any event the run fails. */
const STALL_MS = 90_000;
const SWEEP_MS = 5000;
const AN_HOUR_MS = 3_600_000;

async function runOnce(run: RunOptions): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), "ownline-faults-"));
  const random = generator(run.seed);
  const durationMs = run.minutes * 60_000;
  await using database = await openDatabase(run.storage, dir);
  await using provider = await startProvider(dir, run.seed);
  const phase = { isOver: false };
  const trouble = troubleOf(run, random);
  await using fleet = await startFleet({
    provider,
    dir,
    size: run.engines,
    random,
    plan: () => (phase.isOver ? [] : trouble.nextPlans()),
    settings: (seat) => ({
      ...ACCOUNT,
      number: OURS,
      publicUrl: PUBLIC_URL,
      apiUrl: provider.apiUrl,
      storageUrl: database.url,
      // Where the ledger uses the database's clock, the process's clock does not count.
      clockOffsetMs: seat === 1 && database.hasClock ? AN_HOUR_MS : 0,
      fastMs: FAST_MS,
      slowMs: SLOW_MS,
      transportTimeoutMs: TRANSPORT_TIMEOUT_MS,
      options: {
        burst: { quietMs: 300, maxWaitMs: 5000 },
        answer: { timeoutMs: 3000, backoffMs: 300 },
        sending: {
          validityMs: 1000,
          unknownWindowMs: run.windowMs,
          // No message may leave before an earlier one, so that each answer out of order is a defect.
          orderWaitMs: 20 * run.windowMs + AN_HOUR_MS,
          maxSegments: 1,
          // At a long code's rate limit, one number would need half an hour for two thousand texts.
          rateLimit: false,
          backoffMs: 300,
        },
        // Texts whose webhook the provider gave up, or that are lost.
        sweep: { everyMs: SWEEP_MS },
        ...(run.leaseMs === null ? {} : { worker: { leaseMs: run.leaseMs } }),
      },
    }),
  });

  await fleet.setNetwork(trouble.network);
  const startedAt = Date.now();
  const disturbances: Disturbance[] = [];
  const people = peopleOf(provider, OURS);
  const making = trouble.make({ fleet, people, durationMs, database, disturbances });
  // People who still text would get errors from the ended provider, which would hide this error.
  const troubles = await making.catch((error: unknown) => {
    console.error(
      `the run stopped after ${fleet.kills.length} kills; its files are in ${dir}\n`,
      error,
      fleet.output(),
    );
    process.exit(1);
  });
  phase.isOver = true;
  await fleet.setNetwork({ ...calm, listLagMs: run.listLagMs });
  const verdict = await whenCalm(provider, run);

  const outcome: Outcome = {
    run,
    verdict,
    kills: fleet.kills,
    restarts: fleet.restarts,
    notices: countOf(fleet.traces().flatMap((trace) => (trace.kind === "notice" ? [trace.notice] : []))),
    recovery: recoveryOf(provider.entries(), verdict, fleet.kills, fleet.freezes, disturbances),
    troubles,
    tookMs: Date.now() - startedAt,
    dir,
    lastWords: fleet.output(),
  };
  // Details that are not in the ledgers, for a reader who looks for the cause.
  const kills = fleet.kills.map((kill) => ({ ...kill, turns: [...kill.turns], sends: [...kill.sends] }));
  writeFileSync(join(dir, "kills.json"), JSON.stringify(kills, null, 1));
  if (verdict.violations.length === 0) rmSync(dir, { recursive: true, force: true });
  return outcome;
}

/** Waits until every promise is kept and no further event comes, or until no event has happened for long. */
async function whenCalm(provider: Provider, { windowMs, leaseMs }: RunOptions): Promise<Verdict> {
  // A late second copy comes at the latest after a lease and a window.
  const settleMs = windowMs + (leaseMs ?? DEFAULT_LEASE_MS) + 3000;
  let last = { sent: 0, at: Date.now() };
  for (;;) {
    const entries = provider.entries();
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
  const beyond = run.purpose === "recovery" ? beyondBounds(outcome.recovery, run.windowMs) : [];
  for (const sentence of beyond) console.log(sentence);
  failed ||= outcome.verdict.violations.length > 0 || beyond.length > 0;
}
process.exit(failed ? 1 : 0);
