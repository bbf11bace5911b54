import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Storage } from "../../src/index.ts";
import { postgres } from "../../src/storage/postgres.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Server } from "../databases.ts";

/** A mark in every id of the rows that are copied. */
export const MARK = "zz0zz";

/**
 * A ledger that can be filled by copying rows. It counts the rows and pages that a query reads, if its database can.
 */
export interface Grown {
  readonly storage: Storage;
  /** Copies every marked row `times` times, with new ids. */
  copy(times: number, from: number): Promise<void>;
  /** The rows and pages that were read so far; `null` where the database does not count them. */
  touched(): Promise<{ readonly rows: number; readonly pages: number } | null>;
  close(): Promise<void>;
}

export async function grownSqlite(folder: string): Promise<Grown> {
  const file = join(folder, "growth.db");
  const storage = sqlite(file);
  await storage.migrate();
  await storage.open();
  return {
    storage,
    async copy(times, from) {
      // This connection only fills the ledger. So a crash may lose everything, and repeated writes stay in memory.
      const database = new DatabaseSync(file);
      database.exec("pragma busy_timeout = 10000; pragma synchronous = off; pragma cache_size = -4000000");
      // A cross join keeps its order, so the table is searched for its few marked rows only once.
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
      // Otherwise the next commits would have to clean up after the copying.
      database.exec("pragma wal_checkpoint(truncate)");
      database.close();
    },
    touched: async () => null,
    close: () => storage.close(),
  };
}

export async function grownPostgres(server: Server): Promise<Grown> {
  const { url, drop } = await server.fresh("ownline_bench_growth");
  // One connection: its reads are in the statistics after a flush.
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const storage = postgres(pool);
  await storage.migrate();
  await storage.open();
  const count = `select
    coalesce(sum(s.seq_tup_read + s.idx_tup_fetch), 0)::float8 as rows,
    coalesce(sum(i.heap_blks_read + i.heap_blks_hit + coalesce(i.idx_blks_read + i.idx_blks_hit, 0)), 0)::float8 as pages
    from pg_stat_user_tables s join pg_statio_user_tables i using (relid) where s.schemaname = 'public'`;
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
        where c.table_schema = 'public' and b.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
        group by c.table_name`);
      for (const { name, columns, marked } of rows) {
        if (marked === null) continue;
        await pool.query(
          `insert into ${name} select ${columns}
            from generate_series(${from}, ${from + times - 1}) n(i), ${name} t where ${marked}`,
        );
      }
      await pool.query("vacuum analyze");
      // Otherwise the next commits would have to clean up after the copying.
      await pool.query("checkpoint");
    },
    async touched() {
      await pool.query("select pg_stat_force_next_flush()");
      await pool.query("select pg_stat_clear_snapshot()");
      const { rows } = await pool.query<{ rows: number; pages: number }>(count);
      return rows[0] ?? null;
    },
    async close() {
      await pool.end();
      await drop();
    },
  };
}

function tablesOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return rows.map(({ name }) => String(name)).filter((name) => name.startsWith("ownline_"));
}
