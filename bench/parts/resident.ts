import { ledgerKinds } from "../ledger-kinds.ts";
import { type Part, sized } from "../part.ts";
import type { WebhooksTask } from "../programs/webhooks.ts";
import { figure } from "../report/words.ts";
import type { Cell, Table } from "../results.ts";
import { startWebhooks } from "../webhook/rounds.ts";

const MB = 1e6;
/** How many texts are made at a time, so that waiting texts do not count in the memory. */
const BATCH = 1000;
const CALLERS = 64;

/** The memory of a process that has answered for a while, on SQLite. */
export const resident: Part = {
  letter: "g",
  title: "Resident memory",
  async run(bench) {
    const sizes = sized(bench, [200, 1000], [1000, 10_000, 100_000]);
    const sqlite = (await ledgerKinds(bench)).find(({ kind }) => kind === "sqlite");
    if (sqlite === undefined) throw new Error("There is no SQLite.");
    const { ledger, drop } = await sqlite.fresh("resident");
    const contestants: (readonly [name: string, contestant: WebhooksTask["contestant"]])[] = [
      ["bare node:crypto, knows the ids that came", { kind: "bare" }],
      ...((await bench.peers()) ? ([["Chat SDK, state-memory", { kind: "chat" }]] as const) : []),
      ["ownline, SQLite", { kind: "ownline", ledger, build: null }],
    ];
    const rows: Cell[][] = [];
    for (const [name, contestant] of contestants) rows.push([name, ...(await grow(contestant, sizes))]);
    await drop();
    return [tableOf(rows, sizes)];
  },
};

/** Megabytes after the start, and after this many messages. */
async function grow(contestant: WebhooksTask["contestant"], sizes: readonly number[]): Promise<number[]> {
  const program = await startWebhooks({ contestant, answers: true }, ["--expose-gc"]);
  try {
    const command = { callers: CALLERS, people: null };
    const megabytes = [(await program.ask({ ...command, texts: 0 })).residentBytes / MB];
    let messages = 0;
    for (const size of sizes) {
      let bytes = 0;
      for (; messages < size; messages += 2 * BATCH) {
        const texts = Math.min(BATCH, (size - messages) / 2);
        ({ residentBytes: bytes } = await program.ask({ ...command, texts }));
      }
      messages = size;
      megabytes.push(bytes / MB);
    }
    return megabytes;
  } finally {
    await program.stop();
  }
}

function tableOf(rows: readonly (readonly Cell[])[], sizes: readonly number[]): Table {
  const last = rows.at(-1) ?? [];
  const [first, end] = [last[1], last.at(-1)];
  const grown = typeof first === "number" && typeof end === "number" ? end - first : 0;
  return {
    title: "Megabytes, resident",
    conditions: `1 process for each, ${CALLERS} callers, one run. Half of the messages come, each from another person, and half are the replies to them. Measured after garbage was collected; Node keeps some of what it has used.`,
    columns: [
      { title: "Service" },
      { title: "started" },
      ...sizes.map((size) => ({ title: `after ${figure(size)} messages` })),
    ],
    rows,
    meaning: `The ledger is the file: a process on SQLite holds ${figure(grown)} MB more after ${figure(sizes.at(-1) ?? 0)} messages than when it had started. What keeps its state in memory holds all of it.`,
    chart: {
      column: sizes.length + 1,
      title: `Resident MB after ${figure(sizes.at(-1) ?? 0)} messages (less is better)`,
    },
  };
}
