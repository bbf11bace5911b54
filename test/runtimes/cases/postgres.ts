import { postgres } from "ownline/storage/postgres";
import { type ContractCase, manualClock, storageContract } from "ownline/testing";
import pg from "pg";

const SCHEMA = "ownline_runtimes";
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What must hold in every runtime that `pg` runs on, in the server at this address. */
export async function postgresCases(url: string): Promise<{
  readonly cases: readonly ContractCase[];
  end(): Promise<void>;
}> {
  const schema = `${SCHEMA}_${process.pid}`;
  const pools = [1, 2].map(() => new pg.Pool({ connectionString: url, max: 4 }));
  const [pool, other] = pools;
  if (pool === undefined || other === undefined) throw new Error("There are no pools.");
  await postgres(pool, { schema, logger: quiet }).migrate();
  const { rows } = await pool.query(
    "select table_name from information_schema.tables where table_schema = $1 and table_name <> 'ownline_meta'",
    [schema],
  );
  const emptied = rows.map(({ table_name: name }) => `delete from "${schema}"."${name}";`).join("\n");
  const cases = storageContract({
    async create() {
      const clock = manualClock();
      return {
        storage: postgres(pool, { schema, clock, logger: quiet }),
        second: async () => postgres(other, { schema, clock, logger: quiet, groupCommit: false }),
        advance: (ms) => clock.advance(ms),
        dispose: async () => void (await pool.query(emptied)),
      };
    },
  });
  return {
    cases: cases.map(({ name, run }) => ({ name: `the PostgreSQL ledger ${name}`, run })),
    async end() {
      await pool.query(`drop schema "${schema}" cascade`);
      await Promise.all(pools.map((each) => each.end()));
    },
  };
}
