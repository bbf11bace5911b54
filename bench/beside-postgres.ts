import { fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { postgres } from "../src/storage/postgres.ts";
import { startPostgres } from "../test/databases/embedded-postgres.ts";
import type { LoadResult, LoadTask, Workload } from "./beside-postgres-load.ts";
import { median, quantile, table } from "./table.ts";

/*
 * node bench/beside-postgres.ts --base <src/storage/postgres.ts of the earlier commit> [--rounds 3] [--seconds 2] [--only send]
 *
 * Decisions over load and apply on PostgreSQL, beside the functions of the earlier commit: one caller, 32 callers in one
 * process, 32 in four processes, and four of which one stands still for 100 ms between load and apply, again and again.
 */
const { values } = parseArgs({
  options: {
    base: { type: "string" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    only: { type: "string" },
  },
});
const base = values.base;
if (base === undefined) throw new Error("Name the earlier adapter with --base.");
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const WORKLOADS: readonly Workload[] = [
  "inbound",
  "stop",
  "send",
  "send, hot counter",
  "send, hot free limit",
  "send, hot limit",
  "status",
];

interface Shape {
  readonly name: string;
  readonly processes: number;
  readonly callers: number;
  readonly pauseMs: number;
}

const SHAPES: readonly Shape[] = [
  { name: "one by one", processes: 1, callers: 1, pauseMs: 0 },
  { name: "1 process, 32 callers", processes: 1, callers: 32, pauseMs: 0 },
  { name: "4 processes, 32 callers", processes: 4, callers: 8, pauseMs: 0 },
  { name: "4, one paused", processes: 4, callers: 8, pauseMs: 100 },
];

const server = await startPostgres({ fsync: "on", synchronous_commit: "on", max_wal_size: "4GB" });
const pool = new pg.Pool({ connectionString: server.url, max: 2 });
const { postgres: earlier } = await import(base);
await earlier(pool, { schema: "base" }).migrate();
await postgres(pool, { schema: "judge" }).migrate();

/** What a process and those it has reaped have used, in ticks of 10 ms. */
function ticksOf(pid: string): { readonly parent: string; readonly own: number; readonly reaped: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
    .map(Number);
  const [, parent = 0, , , , , , , , , , user = 0, system = 0, reapedUser = 0, reapedSystem = 0] = fields;
  return { parent: String(parent), own: user + system, reaped: reapedUser + reapedSystem };
}

const { rows: backends } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
const postmaster = ticksOf(String(backends[0]?.pid)).parent;

/** What all processes of the server have used, in milliseconds. */
function serverCpuMs(): number {
  let ticks = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const { parent, own, reaped } = ticksOf(pid);
      if (pid === postmaster) ticks += own + reaped;
      else if (parent === postmaster) ticks += own;
    } catch {
      // It has ended since.
    }
  }
  return ticks * 10;
}

/** Conversations with one waiting message each, or for status callbacks one that was accepted. */
async function seed(schema: "base" | "judge", workload: Workload, rows: number): Promise<void> {
  const { rows: tables } = await pool.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1 and tablename !~ 'meta|migrations'",
    [schema],
  );
  await pool.query(`truncate ${tables.map(({ name }) => name).join(", ")}`);
  const isJudge = schema === "judge";
  const isStatus = workload === "status";
  const status = isStatus ? "accepted" : "intent";
  const due = isStatus ? "null" : "1";
  const row = "from generate_series(0, $1::integer - 1) i";
  if (workload !== "inbound") {
    await pool.query(
      `insert into ${schema}.ownline_conversations (id, line, participant, sender, consent_key, paused, seq, inbound_seq,
        answered_seq, pending_seq, backoff_until, fence, created_at, updated_at${isJudge ? ", version, scope, participant_key" : ""})
      select 'c+2' || i, '+15703251809', '+2' || i, '+15703251809', 'consent +2' || i, false, 1, 0, 0, 0, 0, 0, 1, 1
        ${isJudge ? ", 1, 'default', '+2' || i" : ""} ${row}`,
      [rows],
    );
    await pool.query(
      `insert into ${schema}.ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant,
        ${isJudge ? "body, media, provider_message_ids" : "content, carrier_ids"}, created_at, status, group_id, part, parts,
        attempts, encoding, segments, expires_at, not_before, order_until, due_at${isJudge ? ", scope" : ", unknown_since, settle_at"})
      select 'o' || i, 'c+2' || i, 1, 1, 'ai', '+15703251809', '+2' || i,
        ${isJudge ? `'"Your table is ready. We look forward to seeing you at eight."', '[]', ${isStatus ? `'["SM' || i || '"]'` : "'[]'"}` : `'{"body":"Your table is ready. We look forward to seeing you at eight.","media":[]}', ${isStatus ? "array['SM' || i]" : "'{}'"}`},
        1, '${status}', 'g' || i, 1, 1, ${isStatus ? 1 : 0}, 'GSM-7', 1, 99999999999999, 1, 0, ${due}${isJudge ? ", 'default'" : ", 0, 0"} ${row}`,
      [rows],
    );
  }
  if (isStatus) {
    await pool.query(
      `insert into ${schema}.ownline_attempts (outbound_id, ${isJudge ? "attempt, provider_message_id" : "n, carrier_id"},
        conversation_id, status, started_at)
      select 'o' || i, 1, 'SM' || i, 'c+2' || i, 'accepted', 1 ${row}`,
      [rows],
    );
    await pool.query(
      `insert into ${schema}.ownline_keys (kind, key, ref, attempt${isJudge ? ", call" : ""})
      select '${isJudge ? "provider" : "carrier"}', 'SM' || i, 'o' || i, 1${isJudge ? ", ''" : ""} ${row}`,
      [rows],
    );
  }
  for (const { name } of tables) await pool.query(`vacuum analyze ${name}`);
}

interface Measured extends LoadResult {
  readonly serverMs: number;
}

async function measure(schema: "base" | "judge", workload: Workload, shape: Shape): Promise<Measured> {
  const rows = workload === "inbound" ? 1_000_000 : Math.ceil(seconds * 5000) + 1000;
  await seed(schema, workload, rows);
  const children = Array.from({ length: shape.processes }, (_, index) => {
    const task: LoadTask = {
      url: server.url,
      schema,
      base: schema === "base" ? (base ?? null) : null,
      workload,
      callers: shape.callers,
      seconds,
      first: index,
      step: shape.processes,
      rows,
      pauseMs: index === 0 ? shape.pauseMs : 0,
    };
    return fork(join(import.meta.dirname, "beside-postgres-load.ts"), [JSON.stringify(task)]);
  });
  const messages = children.map((child) => {
    const got: LoadResult[] = [];
    const waiting: ((message: LoadResult) => void)[] = [];
    child.on("message", (message: LoadResult) => {
      const resolve = waiting.shift();
      if (resolve === undefined) got.push(message);
      else resolve(message);
    });
    child.on("exit", (code) => code !== 0 && console.error(`A process ended with ${code}.`));
    return () =>
      new Promise<LoadResult>((resolve) => {
        const first = got.shift();
        if (first === undefined) waiting.push(resolve);
        else resolve(first);
      });
  });
  await Promise.all(messages.map((next) => next()));
  const cpuBefore = serverCpuMs();
  for (const child of children) child.send("go");
  const results = await Promise.all(messages.map((next) => next()));
  const serverMs = serverCpuMs() - cpuBefore;
  const outcomes: Record<string, number> = {};
  for (const one of results) {
    for (const [name, count] of Object.entries(one.outcomes)) outcomes[name] = (outcomes[name] ?? 0) + count;
  }
  // Of a paused process, what the others do is what counts.
  return {
    done: results.reduce((sum, { done }) => sum + done, 0),
    seconds: Math.max(...results.map((one) => one.seconds)),
    latenciesMs: results.flatMap(({ latenciesMs }) => latenciesMs).toSorted((one, other) => one - other),
    moved: results.reduce((sum, one) => sum + one.moved, 0),
    cpuMs: results.reduce((sum, one) => sum + one.cpuMs, 0),
    serverMs,
    outcomes,
  };
}

/** Processor time, which a busy machine changes less than it changes rates. */
function perCall(results: readonly Measured[], of: "cpuMs" | "serverMs"): string {
  const used = results.reduce((sum, one) => sum + one[of], 0);
  return (used / results.reduce((sum, { done }) => sum + done, 0)).toFixed(2);
}

try {
  for (const workload of WORKLOADS.filter((name) => values.only === undefined || name === values.only)) {
    const lines: string[][] = [];
    const found = new Map<string, Measured[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const shape of SHAPES) {
        for (const schema of ["base", "judge"] as const) {
          if (schema === "base" && shape.pauseMs > 0) continue;
          const name = `${shape.name}: ${schema}`;
          const results = found.get(name) ?? [];
          found.set(name, results);
          results.push(await measure(schema, workload, shape));
        }
      }
    }
    for (const [name, results] of found) {
      const rates = results.map(({ done, seconds: took }) => done / took);
      const latencies = results.flatMap(({ latenciesMs }) => latenciesMs).toSorted((one, other) => one - other);
      lines.push([
        name,
        median(rates).toFixed(0),
        rates.map((rate) => rate.toFixed(0)).join(" "),
        quantile(latencies, 0.5).toFixed(1),
        quantile(latencies, 0.99).toFixed(1),
        perCall(results, "cpuMs"),
        perCall(results, "serverMs"),
        String(results.reduce((sum, { moved }) => sum + moved, 0)),
        JSON.stringify(results.at(-1)?.outcomes),
      ]);
    }
    console.log(
      `\n${workload}\n${table(["", "median/s", "rounds", "p50 ms", "p99 ms", "node ms/call", "server ms/call", "moved", "outcomes"], lines)}`,
    );
  }
} finally {
  await pool.end();
  await server.stop();
}
process.exit(0);
