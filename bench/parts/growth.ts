import type { Storage } from "../../src/index.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { inboundOf } from "../ledgers.ts";
import { median } from "../measure.ts";
import { type Bench, type Part, sized } from "../part.ts";
import type { Cell, Table } from "../results.ts";
import { type Grown, grownPostgres, grownSqlite, MARK } from "./grown-ledgers.ts";

/*
 * Measures the cost of one message as the ledger grows, from its arrival to its reply's delivery: by the number of
 * stored messages, and by the length of the conversation. Rows and pages come from PostgreSQL's own statistics, and
 * must stay flat: a query without its index fails the run. The page shows times too.
 */

const ROUNDS = 40;
/** Each size is a hundred times the one before, so that each index that a message uses is one level deeper. */
const MOST_PAGES_MORE = 1.5;
const MOST_ROWS_MORE = 1.15;

interface Cost {
  readonly rows: number | null;
  readonly pages: number | null;
  readonly ms: number;
}

/** The costs on one ledger, each beside those of the size before. */
interface Step {
  readonly label: string;
  readonly cost: Cost;
  readonly before: Cost;
}

export const growth: Part = {
  letter: "f",
  title: "What a message costs as the ledger grows",
  async run(bench) {
    const sizes = sized(bench, [100, 2_000], [100, 10_000, 1_000_000]);
    const lengths = sized(bench, [10, 500], [10, 10_000]);
    const rows: Cell[][] = [];
    for (const [name, ledger] of await grownLedgers(bench)) {
      try {
        for (const { label, cost, before } of await stepsOf(ledger, sizes, lengths)) {
          if (!isFlat(cost, before))
            bench.fault(`A message costs more with ${label} on ${name}: a query lost its index.`);
          rows.push([name, label, cost.rows, cost.pages, cost.ms, cost.ms / before.ms]);
        }
      } finally {
        await ledger.close();
      }
    }
    return [tableOf(rows)];
  },
};

async function grownLedgers(bench: Bench): Promise<(readonly [name: string, ledger: Grown])[]> {
  const postgres = await bench.postgres();
  return [
    ["SQLite", await grownSqlite(bench.folder)],
    ...(postgres === null ? [] : [["Postgres", await grownPostgres(postgres)] as const]),
  ];
}

async function stepsOf(ledger: Grown, sizes: readonly number[], lengths: readonly number[]): Promise<Step[]> {
  const steps: Step[] = [];
  await live(ledger.storage, MARK, MARK);
  let last: Cost | null = null;
  let copies = 0;
  for (const size of sizes) {
    const wanted = Math.floor(size / 2);
    await ledger.copy(wanted - copies, copies);
    copies = wanted;
    const cost = await costOf(ledger, `stored${size}`, (round) => `new${size}x${round}`);
    steps.push({ label: `${size.toLocaleString("en-US")} stored messages`, cost, before: last ?? cost });
    last = cost;
  }
  last = null;
  for (const length of lengths) {
    const person = `long${length}`;
    for (let n = 0; n < length; n += 1) {
      await ledger.storage.recordInbound({ ...inboundOf(`${person}-${n}`, person), needsAnswer: false });
    }
    const cost = await costOf(ledger, `length${length}`, () => person);
    steps.push({ label: `then: a conversation of ${length.toLocaleString("en-US")}`, cost, before: last ?? cost });
    last = cost;
  }
  return steps;
}

function isFlat(cost: Cost, before: Cost): boolean {
  return (
    (cost.rows ?? 0) <= (before.rows ?? 0) * MOST_ROWS_MORE + 1 &&
    (cost.pages ?? 0) <= (before.pages ?? 0) * MOST_PAGES_MORE
  );
}

/** The median over some messages, each from its webhook to the delivery report of its reply. */
async function costOf(ledger: Grown, label: string, person: (round: number) => string): Promise<Cost> {
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await ledger.touched();
    const startedAt = performance.now();
    await live(ledger.storage, `${label}-${round}`, person(round));
    const ms = performance.now() - startedAt;
    const after = await ledger.touched();
    costs.push({
      ms,
      rows: after === null || before === null ? null : after.rows - before.rows,
      pages: after === null || before === null ? null : after.pages - before.pages,
    });
  }
  const of = (pick: (cost: Cost) => number | null): number | null => {
    const values = costs.map(pick).filter((value) => value !== null);
    return values.length === 0 ? null : median(values);
  };
  return { rows: of(({ rows }) => rows), pages: of(({ pages }) => pages), ms: of(({ ms }) => ms) ?? Number.NaN };
}

/** All calls that the engine makes to the ledger for one text and its answer. */
async function live(storage: Storage, id: string, person: string): Promise<void> {
  const workerId = "bench";
  const leaseMs = 3_600_000;
  await storage.recordInbound({ ...inboundOf(id, person), debounceMs: 0, maxWaitMs: 0 });
  const turn = await claimOne(storage, { callId: `claim ${id}`, scope: "default", workerId, leaseMs });
  if (turn === null) throw new Error("The text is not due.");
  const part = { id: `${turn.turn.id}-1`, body: "Yes.", media: [], encoding: "GSM-7", segments: 1 } as const;
  await storage.commitTurn({
    callId: `commit ${id}`,
    workerId,
    conversationId: turn.conversation.id,
    turnId: turn.turn.id,
    fence: turn.fence,
    throughSeq: turn.turn.throughSeq,
    outcome: "replied",
    supersede: true,
    pause: false,
    parts: [part],
    expiryMs: 3_600_000,
  });
  await storage.due({ scope: "default", workerId: "w1", limit: 10 });
  const claimed = await storage.claimSend({
    callId: `send ${id}`,
    workerId,
    scope: "default",
    leaseMs,
    outboundId: part.id,
    orderWaitMs: 0,
    conditions: { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null },
  });
  if (claimed.outcome !== "claimed") throw new Error(`The reply is ${claimed.outcome}.`);
  const delivery = { outboundId: part.id, attempt: claimed.attempt };
  const providerMessageId = `SM${id}r`;
  await storage.recordSend({
    callId: `sent ${id}`,
    ...delivery,
    result: { kind: "accepted", providerMessageId, status: "accepted" },
  });
  const report = {
    providerMessageId,
    status: "delivered",
    rawStatus: "delivered",
    error: null,
    optOut: false,
  } as const;
  await storage.recordStatus({ callId: `status ${id}`, ...delivery, ...report });
}

function tableOf(rows: readonly (readonly Cell[])[]): Table {
  return {
    title: "One message, from its arrival to its reply's delivery report",
    conditions: `1 caller, 1 process, the median of ${ROUNDS} messages at each size. Seven operations of the ledger, each with its commit. Rows and pages are what PostgreSQL counted, indexes included; SQLite does not count them. A run in which rows rise, or pages by more than half from one size to the next, fails.`,
    columns: [
      { title: "Ledger" },
      { title: "with" },
      { title: "rows" },
      { title: "pages" },
      { title: "ms", digits: 1 },
      { title: "ms: of the size before", digits: 2 },
    ],
    rows,
    meaning:
      "A message reads no more rows in a ledger of a million messages, or in a conversation of ten thousand, than in a new one; pages rise with the depth of the indexes. Old messages may stay.",
  };
}
