import { portableCases } from "./cases/portable.ts";

/*
 * Runs every case in whatever runtime was started with it, and prints how many there were and what became of those
 * that failed. With `durable` the cases on SQLite run instead.
 */
const cases = process.argv.includes("durable") ? (await import("./cases/durable.ts")).durableCases : portableCases;
const failures: string[] = [];
for (const { name, run } of cases) await run().catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
console.log(JSON.stringify({ count: cases.length, failures }));
