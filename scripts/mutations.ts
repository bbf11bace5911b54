import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startPostgres } from "../test/databases/embedded-postgres.ts";
import { WITHOUT_MONGODB } from "../test/databases/mongodb.ts";
import { mongodbProxy } from "../test/faults/mongodb-proxy.ts";
import { firstBroken, LEDGERS, type LedgerName } from "../test/mutations/contract.ts";
import { guards } from "../test/mutations/guards.ts";
import type { Mutation } from "../test/mutations/mutation.ts";

/*
 * Removes the guards, one at a time and in a copy, and finds out which test fails. A guard of the engine or of the
 * reference is tested by the simulation first. A guard of another ledger is tested by the storage contract on that
 * ledger. If no test fails, the run fails. `npm run mutations -- --ledger memory --seeds 2000 --only consent --only
 * STOP`
 */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COPIES = join(ROOT, ".tmp", "mutations");
const PROXY = "test/faults/mongodb-proxy.ts";
const PARTS = [
  "src",
  "scripts",
  "test/storage",
  "test/databases",
  "test/mutations",
  "test/engine",
  PROXY,
  "package.json",
];
/** MongoDB's test server takes minutes for the storage contract. */
const LONGEST_MS = 1_200_000;
const VITEST = join(ROOT, "node_modules", "vitest", "vitest.mjs");
/** For guards of the engine and of the rules whose removal neither the simulation nor the contract notices. */
const ENGINE_TESTS = [
  "test/storage/wrong-clock.test.ts",
  ...["clock", "corrupt-rows", "spellings", "stopping", "unknown-early", "unstorable"].map(
    (name) => `test/engine/${name}.test.ts`,
  ),
];
const SQLITE_TESTS = [
  ...["corrupt", "guards", "erasure", "migrate"].map((name) => `test/storage/sql-${name}.test.ts`),
  ...["erasure", "groups", "locks", "quirks"].map((name) => `test/storage/sqlite-${name}.test.ts`),
];
const POSTGRES_TESTS = ["locks", "waits", "decisions", "group-commit", "quirks", "arrivals"].map(
  (name) => `test/storage/postgres-${name}.test.ts`,
);
const MONGODB_TESTS = ["guards", "transactions", "quirks", "admission"].map(
  (name) => `test/storage/mongodb-${name}.long.test.ts`,
);
/** A copy may end in the middle of a transaction, whose locks would block all other copies. */
const TRANSACTION_LIFETIME_MS = 10_000;
/** The simulation is slower on SQLite. */
const SQLITE_SEEDS = "200";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1500" },
    ledger: { type: "string", multiple: true, default: [...LEDGERS] },
    only: { type: "string", multiple: true, default: [""] },
    /** Runs the contract on this ledger, in this copy. */
    contract: { type: "string" },
    url: { type: "string", default: "" },
  },
});

if (values.contract === undefined) await main();
else {
  const broken = await firstBroken(ledgerNamed(values.contract), values.url);
  if (broken !== null) console.log(`Broken: ${broken}`);
  process.exitCode = broken === null ? 0 : 1;
}

async function main(): Promise<void> {
  const ledgers = new Set(values.ledger.map(ledgerNamed));
  const mongodbUrl = process.env.OWNLINE_TEST_MONGODB_URL ?? "";
  if (mongodbUrl === "" && ledgers.delete("mongodb")) console.log(`MongoDB's guards are left out: ${WITHOUT_MONGODB}.`);
  const chosen = guards.filter(
    ({ ledger, guard }) => ledgers.has(ledger) && values.only.some((part) => guard.includes(part)),
  );
  const needs = (name: LedgerName) => chosen.some(({ ledger }) => ledger === name);
  const server = needs("postgres") ? await startPostgres({ fsync: "off" }) : null;
  const proxy = needs("mongodb") ? await mongodbProxy({ url: mongodbUrl, lifetimeMs: TRANSACTION_LIFETIME_MS }) : null;
  let caught = 0;
  try {
    for (const [number, mutation] of chosen.entries()) {
      const url = mutation.ledger === "mongodb" ? proxy?.urlOf("") : server?.url;
      const caughtBy = await tryOut(mutation, number, url ?? "");
      if (caughtBy !== null) caught += 1;
      console.log(`| ${mutation.ledger} | ${mutation.guard} | ${caughtBy ?? "NO TEST"} |`);
    }
  } finally {
    await server?.stop();
    await proxy?.[Symbol.asyncDispose]();
  }
  console.log(`${chosen.length} guards taken out; a test failed for ${caught} of them.`);
  if (caught < chosen.length || chosen.length === 0) process.exitCode = 1;
}

async function tryOut({ ledger, edits }: Mutation, number: number, url: string): Promise<string | null> {
  const copy = join(COPIES, `${process.pid}-${number}`);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  for (const { file, search, replace } of edits) {
    const text = readFileSync(join(copy, file), "utf8");
    const found = text.split(search).length - 1;
    if (found !== 1) throw new Error(`test/mutations: "${search}" stands ${found} times in ${file}, not once`);
    writeFileSync(
      join(copy, file),
      text.replace(search, () => replace),
    );
  }
  try {
    switch (ledger) {
      case "memory":
        return (
          (await simulated(copy, "memory", values.seeds)) ??
          (await contracted(copy, ledger, url)) ??
          (await tested(copy, ENGINE_TESTS))
        );
      case "sqlite":
        return (
          (await tested(copy, SQLITE_TESTS)) ??
          (await contracted(copy, ledger, url)) ??
          (await simulated(copy, "sqlite", SQLITE_SEEDS))
        );
      case "postgres":
        return (await contracted(copy, ledger, url)) ?? (await tested(copy, POSTGRES_TESTS));
      case "mongodb":
        // MongoDB's contract takes minutes.
        return (await tested(copy, MONGODB_TESTS, url)) ?? (await contracted(copy, ledger, url));
      default:
        return ledger satisfies never;
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The first broken promise that the simulation finds; `null` where it finds none. */
async function simulated(copy: string, storage: string, seeds: string): Promise<string | null> {
  const args = ["scripts/simulate.ts", "--storage", storage, "--seeds", seeds, "--stop-at-first"];
  const { passed, output } = await run(copy, args);
  const seed = /^Seed (\d+) breaks/m.exec(output);
  const rule = /^Seed \d+ breaks[^\n]*\n +([^:\n]+)/m.exec(output);
  if (seed !== null) return `simulation, seed ${seed[1]}: ${rule?.[1]}`;
  return passed || /^Never hit/m.test(output) ? null : "simulation: it does not run to its end";
}

/** The first case of the storage contract that fails; `null` where all pass. */
async function contracted(copy: string, ledger: LedgerName, url: string): Promise<string | null> {
  const { passed, output } = await run(copy, ["scripts/mutations.ts", "--contract", ledger, "--url", url]);
  if (passed) return null;
  const broken = /^Broken: (.*)$/m.exec(output)?.[1];
  if (broken === undefined) throw new Error(`The contract did not run on ${ledger}:\n${output}`);
  return broken;
}

/** The first of a ledger's own tests that fails; `null` where all pass. */
async function tested(copy: string, files: readonly string[], mongodbUrl = ""): Promise<string | null> {
  const config = ["--root", copy, "--config", "test/mutations/vitest.config.ts"];
  const { passed, output } = await run(copy, [VITEST, "run", ...config, ...files], {
    OWNLINE_TEST_MONGODB_URL: mongodbUrl,
  });
  if (passed) return null;
  const red = /^ *FAIL +(.*)$/m.exec(output)?.[1];
  if (red === undefined) throw new Error(`The tests did not run:\n${output}`);
  return red;
}

function ledgerNamed(name: string): LedgerName {
  const ledger = LEDGERS.find((one) => one === name);
  if (ledger === undefined) throw new Error(`A ledger is one of ${LEDGERS.join(", ")}.`);
  return ledger;
}

function run(
  cwd: string,
  args: readonly string[],
  own: Readonly<Record<string, string>> = {},
): Promise<{ readonly passed: boolean; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...own, NO_COLOR: "1" };
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: LONGEST_MS });
    let output = "";
    child.stdout.on("data", (data) => {
      output += String(data);
    });
    child.stderr.on("data", (data) => {
      output += String(data);
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ passed: status === 0, output }));
  });
}
