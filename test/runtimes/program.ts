import type { ContractCase } from "ownline/testing";
import { portableCases } from "./cases/portable.ts";

/*
 * Runs every case in the runtime that was started with it, and prints how many there were and what became of those that
 * failed. With `durable` the cases on SQLite run instead, with `better-sqlite3` those over that package, and with
 * `postgres` and a server's URL those on PostgreSQL.
 */
const [kind = "", url = ""] = process.argv.slice(2);
const { cases, end } = await casesOf(kind);
const failures: string[] = [];
for (const { name, run } of cases) await run().catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
await end();
console.log(JSON.stringify({ count: cases.length, failures }));

async function casesOf(name: string): Promise<{ cases: readonly ContractCase[]; end(): Promise<void> }> {
  if (name === "postgres") return (await import("./cases/postgres.ts")).postgresCases(url);
  const nothing = async (): Promise<void> => {};
  if (name === "durable") return { cases: (await import("./cases/durable.ts")).durableCases, end: nothing };
  if (name === "better-sqlite3") {
    return { cases: (await import("./cases/durable.ts")).betterSqlite3Cases(), end: nothing };
  }
  return { cases: portableCases, end: nothing };
}
