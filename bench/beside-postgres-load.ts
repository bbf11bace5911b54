import pg from "pg";
import type { InboundRecord, Storage } from "../src/index.ts";
import { type PostgresPool, postgres } from "../src/storage/postgres.ts";
import type { SendClaim, SendConditions, StatusRecord } from "../src/storage/storage.ts";
import { inboundOf } from "./ledgers.ts";

/*
 * One process of beside-postgres.ts. It gets a task, says when it is ready, begins when it is told to, and sends what it
 * measured.
 */

export type Workload =
  | "inbound"
  | "stop"
  | "send"
  | "send, hot counter"
  | "send, hot free limit"
  | "send, hot limit"
  | "status";

export interface LoadTask {
  readonly url: string;
  readonly schema: string;
  /** The module with the adapter of the earlier commit; `null` for the judge. */
  readonly base: string | null;
  readonly workload: Workload;
  readonly callers: number;
  readonly seconds: number;
  /** The process works on every n-th of the seeded rows, beginning with this one. */
  readonly first: number;
  readonly step: number;
  readonly rows: number;
  /** How long it stands still between load and apply, each time. */
  readonly pauseMs: number;
}

export interface LoadResult {
  readonly done: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** Of this process, in milliseconds. */
  readonly cpuMs: number;
  /** Decisions that were made anew. */
  readonly moved: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

const FREE = { key: "pace hot", costMs: 0, reason: "pace" } as const;

const CONDITIONS: SendConditions = {
  consent: true,
  unpaused: true,
  delayMs: 0,
  cancel: null,
  counters: [],
  pace: { key: "pace own", costMs: 0, reason: "pace" },
};

const counter = (key: string, windowMs: number) =>
  ({ key, windowMs, max: 1_000_000, charge: 1, full: "wait", reason: "full" }) as const;

function outcomeOf(answer: unknown): string {
  return typeof answer === "object" && answer !== null && "outcome" in answer ? String(answer.outcome) : "none";
}

function conditionsOf(workload: Workload, n: number): SendConditions {
  const own = { ...CONDITIONS, counters: [counter(`loop ${n}`, 60_000)], pace: { ...FREE, key: `pace ${n % 100}` } };
  switch (workload) {
    case "send, hot counter":
      return { ...own, counters: [...own.counters, counter("account", 86_400_000)] };
    case "send, hot free limit":
      return { ...own, pace: FREE };
    case "send, hot limit":
      return { ...own, pace: { ...FREE, costMs: 10 } };
    default:
      return own;
  }
}

function call(storage: Storage, workload: Workload, n: number, name: string): Promise<unknown> {
  const op = `${name}-${n}`;
  if (workload === "inbound") return storage.recordInbound(inboundOf(op, `+1${n % 2000}`));
  if (workload === "stop") {
    const stop: InboundRecord = {
      ...inboundOf(op, `+2${n}`),
      body: "STOP",
      needsAnswer: false,
      consent: { state: "opted-out", source: "word" },
    };
    return storage.recordInbound(stop);
  }
  if (workload === "status") {
    const record: StatusRecord = {
      op,
      outboundId: `o${n}`,
      attempt: 1,
      carrierId: `SM${n}`,
      status: "delivered",
      rawStatus: "delivered",
      error: null,
      optOut: false,
    };
    return storage.recordStatus(record);
  }
  const claim: SendClaim = {
    op,
    workerId: `worker ${process.pid}`,
    scope: "default",
    leaseMs: 30_000,
    outboundId: `o${n}`,
    orderWaitMs: 120_000,
    conditions: conditionsOf(workload, n),
  };
  return storage.claimSend(claim);
}

async function open(task: LoadTask, pool: PostgresPool): Promise<Storage> {
  if (task.base === null) return postgres(pool, { schema: task.schema });
  const { postgres: earlier } = await import(task.base);
  return earlier(pool, { schema: task.schema });
}

async function run(task: LoadTask): Promise<void> {
  const pool = new pg.Pool({ connectionString: task.url, max: 16 });
  pool.on("error", (error) => console.error(error.message));
  let moved = 0;
  const query = pool.query.bind(pool);
  const watched = {
    async query(text: string, values: unknown[]) {
      const isApply = text.includes("ownline_1_apply");
      if (isApply && task.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, task.pauseMs));
      const result = await query(text, values);
      if (isApply && result.rows[0]?.answer !== null) moved += 1;
      return result;
    },
  };
  const storage = await open(task, task.base === null ? watched : pool);
  const name = `${process.pid}`;
  let next = task.first;
  const take = (): number | null => {
    const n = next;
    next += task.step;
    return n < task.rows ? n : null;
  };
  // Connections, plans and compiled code are not what is measured.
  const warm = Array.from({ length: 60 }, take).flatMap((n) => n ?? []);
  await Promise.all(warm.map((n) => call(storage, task.workload, n, name)));
  moved = 0;
  process.send?.("ready");
  await new Promise((resolve) => process.once("message", resolve));
  const latenciesMs: number[] = [];
  const outcomes: Record<string, number> = {};
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + task.seconds * 1000;
  await Promise.all(
    Array.from({ length: task.callers }, async () => {
      for (;;) {
        const before = performance.now();
        const n = before >= endsAt ? null : take();
        if (n === null) return;
        let outcome = "failed";
        try {
          outcome = outcomeOf(await call(storage, task.workload, n, name));
        } catch (error) {
          outcome = error instanceof Error ? error.message.slice(0, 60) : "failed";
        }
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        latenciesMs.push(performance.now() - before);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = (user + system) / 1000;
  await pool.end();
  const result: LoadResult = { done: latenciesMs.length, seconds, cpuMs, latenciesMs, moved, outcomes };
  process.send?.(result, () => process.exit(0));
}

if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2] ?? "{}"));
