import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Storage } from "../src/index.ts";
import { postgres } from "../src/storage/postgres.ts";
import { sqlite } from "../src/storage/sqlite.ts";
import { claimOne } from "../src/testing/contracts/storage/scene.ts";
import type { Databases } from "./databases.ts";
import { inboundOf } from "./ledgers.ts";
import { median, table } from "./table.ts";

/*
 * What one message costs, from its arrival to its reply's delivery, as the ledger grows: by stored messages, and by the
 * length of the conversation. Rows and pages come from Postgres's own statistics, and must stay flat: a query that had
 * lost its index fails the run. Times are printed beside them.
 */

/** Stands in every id of the life that is copied. */
const MARK = "zz0zz";
const ROUNDS = 40;
/** From one size to the next, a hundred times as large: each index that a message passes is a level deeper then. */
const MOST_PAGES_MORE = 1.5;
const MOST_ROWS_MORE = 1.15;

interface Cost {
  readonly rows: number | null;
  readonly pages: number | null;
  readonly ms: number;
}

/** A ledger that can be filled by copying, and that counts what is touched where its database does. */
interface Grown {
  readonly storage: Storage;
  /** Copies every row of the marked life `times` times, each under ids of its own. */
  copy(times: number, from: number): Promise<void>;
  /** Rows and pages touched so far; `null` where the database does not say. */
  touched(): Promise<{ readonly rows: number; readonly pages: number } | null>;
  close(): Promise<void>;
}

export async function growth(databases: Databases, { largest }: { largest: number }): Promise<boolean> {
  const rows: string[][] = [];
  let flat = true;
  for (const [name, open] of [
    ["SQLite", openSqlite],
    ["Postgres", () => openPostgres(databases.postgres)],
  ] as const) {
    const ledger = await open();
    await liveOnce(ledger.storage, MARK);
    const smaller = new Map<string, Cost>();
    const measure = async (label: string, person: (round: number) => string, group: string) => {
      const cost = await costOf(ledger, `${label}-${group}`, person);
      const before = smaller.get(group) ?? cost;
      smaller.set(group, cost);
      const isFlat =
        (cost.rows ?? 0) <= (before.rows ?? 0) * MOST_ROWS_MORE + 1 &&
        (cost.pages ?? 0) <= (before.pages ?? 0) * MOST_PAGES_MORE;
      flat &&= isFlat;
      rows.push([
        name,
        label,
        cost.rows?.toFixed(0) ?? "",
        cost.pages?.toFixed(0) ?? "",
        cost.ms.toFixed(2),
        (cost.ms / before.ms).toFixed(2),
        isFlat ? "" : "GROWS",
      ]);
    };
    let copies = 0;
    for (const size of [100, 10_000, largest]) {
      const wanted = Math.floor(size / 2);
      await ledger.copy(wanted - copies, copies);
      copies = wanted;
      await measure(`${size} stored messages`, (round) => `new${size}x${round}`, "stored");
    }
    for (const length of [10, 10_000]) {
      const person = `long${length}`;
      for (let n = 0; n < length; n += 1) {
        await ledger.storage.recordInbound({ ...inboundOf(`${person}-${n}`, person), needsAnswer: false });
      }
      await measure(`a conversation of ${length}`, () => person, "conversation");
    }
    await ledger.close();
  }
  console.log(table(["Ledger", "with", "rows", "pages", "ms", "to the size before", ""], rows));
  return flat;
}

/** The median over some messages, each from the webhook to the delivery report of its reply. */
async function costOf(ledger: Grown, label: string, person: (round: number) => string): Promise<Cost> {
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await ledger.touched();
    const startedAt = performance.now();
    await live(ledger.storage, `${label}-${round}`.replaceAll(" ", ""), person(round));
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

async function liveOnce(storage: Storage, mark: string): Promise<void> {
  await live(storage, mark, mark);
}

/** All that the engine asks of the ledger for one text and its answer. */
async function live(storage: Storage, id: string, person: string): Promise<void> {
  const workerId = "bench";
  const leaseMs = 3_600_000;
  await storage.recordInbound({ ...inboundOf(id, person), debounceMs: 0, maxWaitMs: 0 });
  const turn = await claimOne(storage, { op: `claim ${id}`, scope: "default", workerId, leaseMs });
  if (turn === null) throw new Error("The text is not due.");
  const part = { id: `${turn.turn.id}-1`, body: "Yes.", media: [], encoding: "GSM-7", segments: 1 } as const;
  await storage.commitTurn({
    op: `commit ${id}`,
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
    op: `send ${id}`,
    workerId,
    scope: "default",
    leaseMs,
    outboundId: part.id,
    orderWaitMs: 0,
    conditions: { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], pace: null },
  });
  if (claimed.outcome !== "claimed") throw new Error(`The reply is ${claimed.outcome}.`);
  const fact = { outboundId: part.id, attempt: claimed.attempt };
  const carrierId = `SM${id}r`;
  await storage.recordSend({ op: `sent ${id}`, ...fact, result: { kind: "accepted", carrierId, status: "accepted" } });
  const report = { carrierId, status: "delivered", rawStatus: "delivered", error: null, optOut: false } as const;
  await storage.recordStatus({ op: `status ${id}`, ...fact, ...report });
}

async function openSqlite(): Promise<Grown> {
  const folder = mkdtempSync(join(tmpdir(), "ownline-growth-"));
  const file = join(folder, "growth.db");
  const storage = sqlite(file);
  await storage.migrate();
  await storage.open();
  return {
    storage,
    async copy(times, from) {
      // Only filled by this connection: so it may lose all, and keeps in memory what it writes again and again.
      const database = new DatabaseSync(file);
      database.exec("pragma busy_timeout = 10000; pragma synchronous = off; pragma cache_size = -4000000");
      // A cross join keeps its order: the table is searched for its few marked rows once.
      for (const name of tablesOf(database.prepare("select name from sqlite_master where type = 'table'").all())) {
        const columns = database
          .prepare(`select name, type from pragma_table_info('${name}')`)
          .all()
          .map((column) => (column.type === "TEXT" ? `replace(${column.name}, '${MARK}', n.i)` : String(column.name)));
        const marked = columns.filter((column) => column.startsWith("replace("));
        if (marked.length === 0) continue;
        const isMarked = marked.map((column) => `instr(${column.split(",")[0]?.slice(8)}, '${MARK}') > 0`).join(" or ");
        database.exec(`with recursive n(i) as (select ${from} union all select i + 1 from n where i + 1 < ${from + times})
          insert into ${name} select ${columns.join(", ")} from ${name} t cross join n where ${isMarked}`);
      }
      // What the next commits would have to clear away is not theirs.
      database.exec("pragma wal_checkpoint(truncate)");
      database.close();
    },
    touched: async () => null,
    async close() {
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openPostgres(url: string): Promise<Grown> {
  // One connection: what it has touched is in the statistics once they are flushed.
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await pool.query("create schema growth");
  const storage = postgres(pool, { schema: "growth" });
  await storage.migrate();
  await storage.open();
  const count = `select
    coalesce(sum(s.seq_tup_read + s.idx_tup_fetch), 0)::float8 as rows,
    coalesce(sum(i.heap_blks_read + i.heap_blks_hit + coalesce(i.idx_blks_read + i.idx_blks_hit, 0)), 0)::float8 as pages
    from pg_stat_user_tables s join pg_statio_user_tables i using (relid) where s.schemaname = 'growth'`;
  return {
    storage,
    async copy(times, from) {
      const { rows } = await pool.query<{ name: string; columns: string; marked: string | null }>(`
        select c.table_name as name,
          string_agg(case when c.data_type in ('text', 'json', 'jsonb')
            then format('replace(t.%I::text, ''${MARK}'', n.i::text)::%s', c.column_name, c.data_type)
            else format('t.%I', c.column_name) end, ', ' order by c.ordinal_position) as columns,
          string_agg(format('strpos(t.%I::text, ''${MARK}'') > 0', c.column_name), ' or ')
            filter (where c.data_type in ('text', 'json', 'jsonb')) as marked
        from information_schema.columns c join information_schema.tables b using (table_schema, table_name)
        where c.table_schema = 'growth' and b.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
        group by c.table_name`);
      for (const { name, columns, marked } of rows) {
        if (marked === null) continue;
        await pool.query(
          `insert into growth.${name} select ${columns}
            from generate_series(${from}, ${from + times - 1}) n(i), growth.${name} t where ${marked}`,
        );
      }
      await pool.query("vacuum analyze");
      // What the next commits would have to clear away is not theirs.
      await pool.query("checkpoint");
    },
    async touched() {
      await pool.query("select pg_stat_force_next_flush()");
      await pool.query("select pg_stat_clear_snapshot()");
      const { rows } = await pool.query<{ rows: number; pages: number }>(count);
      return rows[0] ?? null;
    },
    async close() {
      await pool.query("drop schema growth cascade");
      await pool.end();
    },
  };
}

function tablesOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return rows.map(({ name }) => String(name)).filter((name) => name.startsWith("ownline_"));
}
