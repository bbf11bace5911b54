import { parseArgs } from "node:util";
import { acknowledge } from "./acknowledge.ts";
import { beside } from "./beside.ts";
import { startDatabases } from "./databases.ts";
import { growth } from "./growth.ts";
import { replies } from "./replies.ts";
import { signatures } from "./signature.ts";

/*
 * npm run bench                      everything
 * npm run bench -- acknowledge       durable acknowledgements beside raw commits
 * npm run bench -- replies           whole conversations by 1, 2 and 4 processes
 * npm run bench -- signature         verifying a webhook, and acknowledging one on memory(), beside bare node:crypto
 * npm run bench -- growth            rows, pages and time of a message as the ledger grows
 * npm run bench -- --beside FILE     the ledgers of this checkout beside those of a tarball of the package
 * --short                            a fraction of the time, to see that it runs
 *
 * Figures are ratios of things measured side by side in one run; nothing here is a test of speed.
 */
const SUITES = ["signature", "acknowledge", "replies", "growth"];

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { short: { type: "boolean" }, beside: { type: "string" } },
});
const unknown = positionals.filter((name) => !SUITES.includes(name));
if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(", ")}; there are ${SUITES.join(", ")}.`);
const isWanted = (name: string) =>
  positionals.includes(name) || (positionals.length === 0 && values.beside === undefined);
const short = values.short ?? false;

if (values.beside !== undefined)
  await beside(values.beside, short ? { rounds: 2, count: 300 } : { rounds: 7, count: 2000 });
if (isWanted("signature")) await signatures(short ? { rounds: 2, count: 2000 } : { rounds: 9, count: 20_000 });
const needsDatabases = SUITES.some((name) => name !== "signature" && isWanted(name));
if (needsDatabases) await onDatabases();

async function onDatabases(): Promise<void> {
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
}
