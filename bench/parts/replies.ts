import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type LedgerKind, ledgerKinds } from "../ledger-kinds.ts";
import { inboundOf, type LedgerSpec, openLedger } from "../ledgers.ts";
import { inTurn, median, ratios, sum } from "../measure.ts";
import { type Part, sized } from "../part.ts";
import { type Program, startProgram } from "../processes.ts";
import type { AnswererAnswer, AnswererCommand, AnswererTask } from "../programs/answerer.ts";
import { figure } from "../report/words.ts";
import type { Cell, Table } from "../results.ts";

const PROGRAM = join(import.meta.dirname, "..", "programs", "answerer.ts");
const PROCESSES = [1, 2, 4] as const;
const LOOK_MS = 20;
/** How many texts are stored at once before the measurement begins. */
const AT_ONCE = 200;

interface Answered {
  readonly rate: number;
  /** Milliseconds for each reply. */
  readonly nodeMs: number;
  readonly databaseMs: number | null;
}

/**
 * Whole conversations: people have texted, and 1, 2 or 4 processes answer them. The AI and the provider answer at once,
 * so the figures show ownline and its database. More processes than cores are reported too.
 */
export const replies: Part = {
  letter: "d",
  title: "Replies by 1, 2 and 4 processes",
  async run(bench) {
    const rounds = sized(bench, 1, 3);
    const rows: Cell[][] = [];
    let fourOfOne: number | null = null;
    for (const kind of await ledgerKinds(bench)) {
      // DocumentDB, which speaks MongoDB's protocol, is ten times slower.
      const texts = kind.kind === "mongodb" ? sized(bench, 20, 200) : sized(bench, 60, 2000);
      const results = await inTurn(PROCESSES, rounds, (processes, round) =>
        answered(kind, { processes, round, texts }),
      );
      const rates = results.map((each) => each.map(({ rate }) => rate));
      for (const [index, each] of results.entries()) {
        const ratio = ratios(rates[index] ?? [], rates[0] ?? []);
        if (kind.kind === "postgres" && PROCESSES[index] === 4) fourOfOne = ratio.median;
        const database = each.flatMap(({ databaseMs }) => databaseMs ?? []);
        rows.push([
          kind.name,
          PROCESSES[index] ?? 0,
          texts,
          median(rates[index] ?? []),
          ratio,
          median(each.map(({ nodeMs }) => nodeMs)),
          database.length === 0 ? null : median(database),
        ]);
      }
    }
    return [tableOf(rows, rounds, fourOfOne)];
  },
};

async function answered(
  { fresh, databaseCpuMs }: LedgerKind,
  { processes, round, texts }: { readonly processes: number; readonly round: number; readonly texts: number },
): Promise<Answered> {
  const { ledger, drop } = await fresh(`replies_${processes}_${round}`);
  const programs: Program<AnswererCommand, AnswererAnswer>[] = [];
  try {
    for (let index = 0; index < processes; index += 1) {
      programs.push(await startProgram(PROGRAM, { ledger } satisfies AnswererTask));
    }
    await fill(ledger, texts);
    const all = (what: AnswererCommand["what"]) => Promise.all(programs.map((program) => program.ask({ what })));
    const databaseBefore = databaseCpuMs();
    const startedAt = performance.now();
    let looks = await all("begin");
    while (sum(looks.map((look) => look.replies)) < texts) {
      await setTimeout(LOOK_MS);
      looks = await all("look");
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const databaseAfter = databaseCpuMs();
    return {
      rate: texts / seconds,
      nodeMs: sum(looks.map(({ cpuMs }) => cpuMs)) / texts,
      databaseMs: databaseAfter === null || databaseBefore === null ? null : (databaseAfter - databaseBefore) / texts,
    };
  } finally {
    for (const program of programs) await program.stop();
    await drop();
  }
}

/** Texts that are due at once, each from another person. */
async function fill(spec: LedgerSpec, texts: number): Promise<void> {
  const ledger = await openLedger(spec);
  const all = Array.from({ length: texts }, (_, n) => ({
    ...inboundOf(`text${n}`, `+1415555${String(n).padStart(5, "0")}`),
    debounceMs: 0,
    maxWaitMs: 0,
  }));
  for (let n = 0; n < texts; n += AT_ONCE) {
    await Promise.all(all.slice(n, n + AT_ONCE).map((text) => ledger.storage.recordInbound(text)));
  }
  await ledger.close();
}

function tableOf(rows: readonly Cell[][], rounds: number, fourOfOne: number | null): Table {
  const shared =
    fourOfOne === null
      ? ""
      : ` Four processes on one PostgreSQL answer ${figure(fourOfOne, 2)} of what one answers, on a machine whose cores they share with the database.`;
  return {
    title: "Replies a second",
    conditions: `${rounds} rounds, in turn; each text from another person, all stored before the clock runs, which stops when the provider has the last reply. Each process has up to 32 turns and sends at once (the default). The AI and the provider are in each process and answer at once; no sender has a rate limit.`,
    columns: [
      { title: "Ledger" },
      { title: "processes" },
      { title: "texts" },
      { title: "replies a second" },
      { title: "of one process (least to most)", digits: 2 },
      { title: "node: CPU ms for each", digits: 2 },
      { title: "database server: CPU ms for each", digits: 2 },
    ],
    rows,
    meaning: `A reply is a turn that is claimed, committed, claimed for sending and recorded; SQLite works inside of node. Processes are added to survive one another, and for machines of their own: beside one database on one machine they take from the same cores.${shared}`,
    chart: { column: 3, title: "Replies a second, by processes" },
  };
}
