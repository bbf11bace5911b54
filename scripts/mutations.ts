import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { memory } from "../src/storage/memory.ts";
import { storageContract } from "../src/testing/contracts/storage.ts";
import { manualClock } from "../src/testing/manual-clock.ts";
import { type Mutation, mutations } from "../test/mutations/guards.ts";

/*
 * Takes the guards out, one at a time and in a copy, and looks who notices: the simulation first, else the storage
 * contract. A guard that nobody misses is a failure. `npm run mutations -- --seeds 2000 --only consent`
 */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COPIES = join(ROOT, ".tmp", "mutations");
const LONGEST_MS = 600_000;

interface Verdict {
  readonly guard: string;
  readonly caughtBy: string | null;
}

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1500" },
    only: { type: "string", default: "" },
    contract: { type: "boolean", default: false },
  },
});

if (values.contract) process.exitCode = (await contractHolds()) ? 0 : 1;
else await main();

async function main(): Promise<void> {
  const verdicts: Verdict[] = [];
  for (const mutation of mutations.filter(({ guard }) => guard.includes(values.only))) {
    const caughtBy = await tryOut(mutation, verdicts.length);
    verdicts.push({ guard: mutation.guard, caughtBy });
    console.log(`| ${mutation.guard} | ${caughtBy ?? "NOBODY"} |`);
  }
  const missed = verdicts.filter(({ caughtBy }) => caughtBy === null);
  console.log(`${verdicts.length} guards taken out, ${verdicts.length - missed.length} missed by somebody.`);
  if (missed.length > 0 || verdicts.length === 0) process.exitCode = 1;
}

async function tryOut({ edits }: Mutation, number: number): Promise<string | null> {
  const copy = join(COPIES, String(number));
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const part of ["src", "scripts", "test/storage", "test/mutations", "package.json"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  for (const { file, search, replace } of edits) {
    const text = readFileSync(join(copy, file), "utf8");
    const found = text.split(search).length - 1;
    if (found !== 1)
      throw new Error(`test/mutations/guards.ts: "${search}" stands ${found} times in ${file}, not once`);
    writeFileSync(
      join(copy, file),
      text.replace(search, () => replace),
    );
  }
  try {
    const simulated = await run(copy, ["scripts/simulate.ts", "--seeds", values.seeds, "--stop-at-first"]);
    const seed = /^Seed (\d+) breaks/m.exec(simulated.output);
    const rule = /^Seed \d+ breaks[^\n]*\n +([^:\n]+)/m.exec(simulated.output);
    if (seed !== null) return `simulation, seed ${seed[1]}: ${rule?.[1]}`;
    if (!simulated.passed && !/^Never hit/m.test(simulated.output)) return "simulation: it does not run to its end";
    const contract = await run(copy, ["scripts/mutations.ts", "--contract"]);
    const cases = /^Broken: (.*)$/m.exec(contract.output);
    return contract.passed ? null : `storage contract: ${cases?.[1]}`;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function run(cwd: string, args: readonly string[]): Promise<{ readonly passed: boolean; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: LONGEST_MS });
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

/** Runs the storage contract on memory, in this very copy. */
async function contractHolds(): Promise<boolean> {
  const cases = storageContract({
    async create() {
      const clock = manualClock();
      return { storage: memory({ clock }), advance: (ms) => clock.advance(ms), dispose: async () => {} };
    },
  });
  const broken: string[] = [];
  for (const { name, run: runCase } of cases) {
    try {
      await runCase();
    } catch {
      broken.push(name);
    }
  }
  if (broken.length > 0)
    console.log(`Broken: ${broken[0]}${broken.length > 1 ? `, and ${broken.length - 1} more` : ""}`);
  return broken.length === 0;
}
