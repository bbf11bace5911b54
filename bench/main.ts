import { parseArgs } from "node:util";
import { acknowledge } from "./acknowledge.ts";
import { startDatabases } from "./databases.ts";
import { growth } from "./growth.ts";
import { replies } from "./replies.ts";

/*
 * npm run bench                      everything
 * npm run bench -- acknowledge       durable acknowledgements beside raw commits
 * npm run bench -- replies           whole conversations by 1, 2 and 4 processes
 * npm run bench -- growth            rows, pages and time of a message as the ledger grows
 * --short                            a fraction of the time, to see that it runs
 *
 * Figures are ratios of things measured side by side in one run; nothing here is a test of speed.
 */
const SUITES = ["acknowledge", "replies", "growth"];

const { positionals, values } = parseArgs({ allowPositionals: true, options: { short: { type: "boolean" } } });
const unknown = positionals.filter((name) => !SUITES.includes(name));
if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(", ")}; there are ${SUITES.join(", ")}.`);
const isWanted = (name: string) => positionals.length === 0 || positionals.includes(name);
const short = values.short ?? false;

const databases = await startDatabases();
try {
  if (isWanted("acknowledge"))
    await acknowledge(databases, short ? { rounds: 1, seconds: 1 } : { rounds: 5, seconds: 4 });
  if (isWanted("replies")) await replies(databases, { texts: short ? 100 : 2000 });
  if (isWanted("growth") && !(await growth(databases, { largest: short ? 20_000 : 1_000_000 }))) {
    console.error("A message costs more as the ledger grows: a query has lost its index.");
    process.exitCode = 1;
  }
} finally {
  await databases.stop();
}
