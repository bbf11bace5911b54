import type { D1DatabaseLike, D1Migrations } from "./d1.ts";
import { d1Driver } from "./sql/d1-driver.ts";
import type { SqlDriver } from "./sql/driver.ts";
import { migrate } from "./sql/migrate.ts";
import { COUNT_PROCEDURES, CREATE_PROCEDURES, INSERT_PROCEDURE, procedureRows } from "./sql/procedures/rows.ts";
import { PROCEDURES_DIGEST } from "./sql/procedures-digest.ts";
import { integer } from "./sql/rows.ts";
import { bind, prepare } from "./sql/statement.ts";

export type { D1DatabaseLike, D1Migrations, D1ResultLike, D1StatementLike } from "./d1.ts";
export type { SqlValue } from "./sql/driver.ts";

/**
 * What `wrangler d1 migrations apply` takes from the package's folder `migrations/d1`, as code: for tests, for a
 * database that no wrangler reaches, and for `storage.migrate()`. A Worker that leaves migrations to wrangler does not
 * import it, and is smaller by 11 kB, minified and gzipped.
 *
 * @example
 * ```ts
 * import { type D1DatabaseLike, d1 } from "ownline/storage/d1";
 * import { migrations } from "ownline/storage/d1-migrations";
 *
 * export async function ledgerFor(database: D1DatabaseLike) {
 *   const storage = d1(database, { migrations });
 *   await storage.migrate();
 *   return storage;
 * }
 * ```
 */
export const migrations: D1Migrations = {
  async apply(database: D1DatabaseLike): Promise<void> {
    const driver = d1Driver(database);
    await migrate(driver);
    await keepProcedures(driver);
  },
};

/** Puts the procedures of this version beside those of others. Of two that race, one finds nothing left to do. */
async function keepProcedures(driver: SqlDriver): Promise<void> {
  const create = bind(prepare(CREATE_PROCEDURES), {});
  const digest = PROCEDURES_DIGEST;
  const rows = procedureRows();
  const [, [kept] = []] = await driver.batch([create, bind(prepare(COUNT_PROCEDURES), { digest })]);
  if (kept !== undefined && integer(kept, "n") === rows.length) return;
  const insert = prepare(INSERT_PROCEDURE);
  await driver.batch(rows.map(({ name, steps }) => bind(insert, { digest, name, steps })));
}
