import type { D1DatabaseLike } from "ownline/storage/d1";

/** Every table that is not D1's own. */
const TABLES = "select name from sqlite_master where type = 'table' and name not like '\\_cf\\_%' escape '\\'";

/** Runs statements as one transaction. */
export async function exec(database: D1DatabaseLike, ...statements: string[]): Promise<unknown[]> {
  const results = await database.batch(statements.map((sql) => database.prepare(sql).bind()));
  return results.at(-1)?.results ?? [];
}

/** Runs one statement. Returns the values of its column `value`. */
export async function ask(
  database: D1DatabaseLike,
  sql: string,
  values: readonly (string | number | null)[],
): Promise<readonly { readonly value: string | number | null }[]> {
  const [result] = await database.batch([database.prepare(sql).bind(...values)]);
  return (result?.results ?? []).map((row) => ({ value: Object(row).value ?? null }));
}

/** Leaves the database as it was created. */
export async function clear(database: D1DatabaseLike): Promise<void> {
  const names = (await exec(database, TABLES)).map((row) => Object(row).name);
  const drops = names.filter((name) => !name.startsWith("sqlite_")).map((name) => `drop table ${name}`);
  if (drops.length > 0) await exec(database, ...drops);
}

/** How D1 is asked for the time. */
const CLOCK = "unixepoch('subsec') * 1000";

/**
 * The database as it is, but for its clock, which runs ahead by what `aheadMs` says: D1 reads the machine's clock,
 * which no test can set, so the statement that reads it is changed to add to it.
 */
export function onClock(database: D1DatabaseLike, aheadMs: () => number): D1DatabaseLike {
  return shown(database, () => `${CLOCK} + ${aheadMs()}`);
}

/** The same with a clock that stands still at what `now` says. */
export function atTime(database: D1DatabaseLike, now: () => number): D1DatabaseLike {
  return shown(database, () => String(now()));
}

function shown(database: D1DatabaseLike, time: () => string): D1DatabaseLike {
  return {
    prepare: (sql) => database.prepare(sql.replaceAll(CLOCK, time())),
    batch: (statements) => database.batch(statements),
  };
}
