import type { Kill } from "./fleet.ts";
import type { Verdict } from "./judge.ts";
import type { Percentiles, Recovery } from "./recovery.ts";
import type { RunOptions } from "./run-options.ts";

export interface Outcome {
  readonly run: RunOptions;
  readonly verdict: Verdict;
  readonly kills: readonly Kill[];
  readonly restarts: number;
  /** How often the processes emitted each notice. */
  readonly notices: ReadonlyMap<string, number>;
  readonly recovery: Recovery;
  readonly troubles: {
    readonly freezes: number;
    readonly deploys: number;
    readonly storms: number;
    readonly databaseRestarts: number;
  };
  readonly tookMs: number;
  /** The folder of the ledgers, printed if there is a violation. */
  readonly dir: string;
  readonly lastWords: string;
}

const SHOWN_VIOLATIONS = 30;

/** Prints a run as a table of Markdown, and each violation. */
export function printOutcome(outcome: Outcome): void {
  const { run, verdict, kills, restarts, notices, recovery, troubles, tookMs } = outcome;
  const count = (kind: string): number => verdict.violations.filter((violation) => violation.kind === kind).length;
  const atPoints = kills.filter(({ point }) => point !== null);
  const points = new Map<string, number>();
  for (const { point } of atPoints) points.set(point ?? "", (points.get(point ?? "") ?? 0) + 1);
  const noted = (kind: string): number => notices.get(kind) ?? 0;
  const beyond = run.listLagMs > run.windowMs ? "beyond the window" : "within the window";

  const rows: readonly (readonly [string, string | number])[] = [
    ["storage, processes", `${run.storage}, ${run.engines}`],
    ["texts (acknowledged)", `${verdict.texts} (${verdict.acknowledged})`],
    ["texts sent", verdict.sent],
    ["kills at random / at a named point", `${kills.length - atPoints.length} / ${atPoints.length}`],
    ["restarts", restarts],
    ["**lost**", count("lost")],
    ["**duplicated**", count("duplicated")],
    ["**out of order**", count("out-of-order")],
    ["**sent after the STOP's acknowledgement**", count("to-opted-out")],
    ["**forged callbacks believed**", count("forged")],
    [
      "second copies without evidence (resends counted by the engines)",
      `${verdict.silentDuplicates} (${noted("resent")})`,
    ],
    ["requests that froze and came late", verdict.frozenDuplicates],
    [
      "under way when a STOP was acknowledged",
      `${verdict.underWayAtStop} (at most ${verdict.underWayAtStopMs} ms late)`,
    ],
    ["never acknowledged (answered all the same)", `${verdict.unacknowledged} (${verdict.unacknowledgedAnswered})`],
    ["fallback texts", verdict.fallbacks],
    [
      "callback loss, list lag, window",
      `${run.callbackLoss * 100} %, ${run.listLagMs} ms, ${run.windowMs} ms (${beyond})`,
    ],
    [
      "freezes beyond the lease, deploys, 429 storms, database restarts",
      `${troubles.freezes}, ${troubles.deploys}, ${troubles.storms}, ${troubles.databaseRestarts}`,
    ],
    [`restart to answer, outside of sending (lease ${run.leaseMs ?? "default"})`, shown(recovery.outside)],
    [`restart to answer, inside of sending (window ${run.windowMs} ms)`, shown(recovery.inside)],
    ["held up by something else too, left out", recovery.disturbed],
    ["start of a process", shown(recovery.starts)],
    ["seed, took", `${run.seed}, ${Math.round(tookMs / 1000)} s`],
  ];
  console.log(`\n| Fault suite | |\n|---|---|`);
  for (const [name, value] of rows) console.log(`| ${name} | ${value} |`);
  console.log(`\nKilled at: ${listed(points) || "no named point"}`);
  console.log(`Notices: ${listed(notices) || "none"}`);
  if (verdict.violations.length === 0) return;
  console.log(`\n${verdict.violations.length} violations; the ledgers are in ${outcome.dir}`);
  for (const { kind, person, detail } of verdict.violations.slice(0, SHOWN_VIOLATIONS)) {
    console.log(`- ${kind} ${person}: ${detail}`);
  }
  if (outcome.lastWords !== "") console.log(`\nA process ended by itself:\n${outcome.lastWords}`);
}

function shown({ count, p50, p99, max }: Percentiles): string {
  return count === 0 ? "none" : `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms (${count})`;
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, times]) => `${name} ${times}`)
    .join(", ");
}
