import type { D1DatabaseLike, D1Migrations } from "./d1.ts";
import { d1Driver } from "./sql/d1-driver.ts";
import { migrate } from "./sql/migrate.ts";

export type { D1DatabaseLike, D1Migrations, D1ResultLike, D1StatementLike } from "./d1.ts";
export type { SqlValue } from "./sql/driver.ts";

/**
 * The migrations of the package's folder `migrations/d1` as code. Use it in tests, for `storage.migrate()`, and for a
 * database that `wrangler d1 migrations apply` cannot reach. A Worker that leaves migrations to wrangler does not
 * import this module, and is smaller by 2 kB, minified and gzipped.
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
    await migrate(d1Driver(database));
  },
};
