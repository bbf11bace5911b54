import { join } from "node:path";
import { type LedgerKind, ledgerKinds } from "../ledger-kinds.ts";
import type { LedgerSpec } from "../ledgers.ts";
import { inTurn, median, quantile, ratios, type Spread, sorted } from "../measure.ts";
import { type Part, sized } from "../part.ts";
import { type Program, startProgram } from "../processes.ts";
import type { LoadAnswer, LoadCommand, LoadTask } from "../programs/load.ts";
import { figure } from "../report/words.ts";
import type { Cell, Table } from "../results.ts";

const PROGRAM = join(import.meta.dirname, "..", "programs", "load.ts");
/** The callers of all processes together. */
const MANY = 64;

interface Shape {
  readonly processes: number;
  /** The callers of each process. */
  readonly callers: number;
  readonly commits: string | null;
}

interface Case extends Shape {
  readonly name: string;
}

const shape = (processes: number, callers: number, commits: string | null = null): Shape => ({
  processes,
  callers: callers / processes,
  commits,
});

const CASES: Readonly<Record<LedgerKind["kind"], readonly Shape[]>> = {
  sqlite: [shape(1, 1, "synchronous=FULL"), shape(1, MANY, "synchronous=FULL")],
  postgres: [1, 4].flatMap((processes) =>
    ["a commit each", "group commit"].map((commits) => shape(processes, MANY, commits)),
  ),
  mongodb: [shape(1, 1), shape(1, 32)],
};

/**
 * Durable acknowledgements: `recordInbound` with its commit, beside a raw insert with its commit in the same database,
 * with the same clients and callers. Raw inserts and the ledger take turns, round by round, in the same processes.
 */
export const acknowledge: Part = {
  letter: "c",
  title: "Durable acknowledgements beside raw commits",
  async run(bench) {
    const rounds = sized(bench, 1, 5);
    const seconds = sized(bench, 0.5, 2);
    const results: (readonly [Case, Measured])[] = [];
    for (const kind of await ledgerKinds(bench)) {
      for (const [index, one] of CASES[kind.kind].entries()) {
        const { ledger, drop } = await kind.fresh(`acknowledge_${index}`);
        const isAlone = one.commits === "a commit each";
        const spec = ledger.kind === "postgres" ? { ...ledger, groupCommit: !isAlone } : ledger;
        const name = one.commits === null ? kind.name : `${kind.name}, ${one.commits}`;
        results.push([{ ...one, name }, await measured(one, spec, rounds, seconds)]);
        await drop();
      }
    }
    return [tableOf(results, rounds, seconds)];
  },
};

interface Measured {
  readonly raw: number;
  readonly acknowledged: number;
  readonly ratio: Spread;
  /** The times of the acknowledgements, sorted. */
  readonly latenciesMs: readonly number[];
}

async function measured(
  { processes, callers }: Shape,
  ledger: LedgerSpec,
  rounds: number,
  seconds: number,
): Promise<Measured> {
  const programs: Program<LoadCommand, LoadAnswer>[] = [];
  try {
    for (let index = 0; index < processes; index += 1) {
      programs.push(await startProgram(PROGRAM, { ledger, callers, name: `p${index}` } satisfies LoadTask));
    }
    const together = (what: LoadCommand["what"], lasting: number) =>
      Promise.all(programs.map((program) => program.ask({ what, seconds: lasting })));
    const kinds = ["raw", "ledger"] as const;
    // The first calls open connections, fill caches and compile code, so they are not measured.
    for (const what of kinds) await together(what, 0.3);
    const [raws = [], ledgers = []] = await inTurn(kinds, rounds, (what) => together(what, seconds));
    const [rawRates, rates] = [raws.map(rateOf), ledgers.map(rateOf)];
    return {
      raw: median(rawRates),
      acknowledged: median(rates),
      ratio: ratios(rates, rawRates),
      latenciesMs: sorted(ledgers.flat().flatMap(({ latenciesMs }) => latenciesMs)),
    };
  } finally {
    for (const program of programs) await program.stop();
  }
}

/** Joins the results of all processes of one round. */
function rateOf(answers: readonly LoadAnswer[]): number {
  const done = answers.reduce((total, { latenciesMs }) => total + latenciesMs.length, 0);
  return done / Math.max(...answers.map(({ seconds }) => seconds));
}

function tableOf(results: readonly (readonly [Case, Measured])[], rounds: number, seconds: number): Table {
  const rows = results.map(([{ name, processes, callers }, of]): Cell[] => [
    name,
    processes,
    callers * processes,
    of.raw,
    of.acknowledged,
    of.ratio,
    quantile(of.latenciesMs, 0.5),
    quantile(of.latenciesMs, 0.99),
  ]);
  const least = results.toSorted(([, one], [, other]) => one.acknowledged - other.acknowledged)[0];
  return {
    title: "Acknowledged and committed",
    conditions: `${rounds} rounds of ${seconds} s each for raw inserts and acknowledgements, in turn, in the same processes over the same clients (16 connections a process). An acknowledgement is \`recordInbound\` of the ledger; texts come from 200 persons a process.`,
    columns: [
      { title: "Ledger" },
      { title: "processes" },
      { title: "callers in all" },
      { title: "raw a second" },
      { title: "acknowledged a second" },
      { title: "of raw (least to most)", digits: 2 },
      { title: "ms, median", digits: 1 },
      { title: "ms, p99", digits: 1 },
    ],
    rows,
    meaning: `A raw insert writes one row under one key; an acknowledgement finds or makes the conversation, files the key and the text, and says when the answer is due. ${least === undefined ? "" : `The slowest here, ${least[0].name} with ${least[0].callers * least[0].processes} caller(s), takes ${figure(least[1].acknowledged)} texts a second; a long code sends one a second.`}`,
    chart: { column: 4, title: "Durable acknowledgements a second" },
  };
}
