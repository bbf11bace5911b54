import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildIfStale } from "../../scripts/build.ts";
import { importMs, NOTHING } from "../../scripts/import-cost.ts";
import { pack } from "../../scripts/pack.ts";
import { ledgerKinds } from "../ledger-kinds.ts";
import type { LedgerSpec } from "../ledgers.ts";
import { inTurn, median, ratios } from "../measure.ts";
import { type Bench, type Part, sized } from "../part.ts";
import type { Cell, Table } from "../results.ts";
import { webhookRounds } from "../webhook/rounds.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A folder inside the checkout, where both packages find the modules that they import. */
const FOLDER = join(ROOT, ".tmp", "bench-baseline");
const CALLERS = [1, 64] as const;

/** A package, installed as npm would install it. */
interface Package {
  readonly tarball: string;
  readonly folder: string;
}

export const baseline: Part = {
  letter: "i",
  title: "Beside an earlier package",
  async run(bench) {
    if (bench.baseline === null) {
      bench.skip("the package beside an earlier one: name its tarball with --baseline");
      return [];
    }
    buildIfStale("complete");
    const [earlier, present] = [unpacked(bench.baseline, "earlier"), unpacked(pack(join(FOLDER, "packed")), "present")];
    return [await speeds(bench, earlier, present), await sizes(bench, earlier, present)];
  },
};

function unpacked(tarball: string, name: string): Package {
  const folder = join(FOLDER, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync("tar", ["xzf", tarball, "-C", folder]);
  return { tarball, folder: join(folder, "package") };
}

async function speeds(bench: Bench, earlier: Package, present: Package): Promise<Table> {
  const rounds = sized(bench, 1, 5);
  const texts = sized(bench, 64, 1500);
  const rows: Cell[][] = [];
  for (const { name, bring } of await ledgersOf(bench)) {
    for (const answers of [false, true]) {
      for (const callers of CALLERS) {
        const label = `${answers ? "turn" : "text"}_${callers}`;
        const [one, other] = [await bring(`earlier_${label}`), await bring(`present_${label}`)];
        const tasks = [
          { build: earlier, ledger: one.ledger },
          { build: present, ledger: other.ledger },
        ].map(({ build, ledger }) => ({
          contestant: {
            kind: "ownline",
            ledger,
            build: join(build.folder, "dist"),
            isEarlier: build === earlier,
          } as const,
          answers,
        }));
        const [before, now] = await webhookRounds(tasks, { texts, callers, people: null }, rounds);
        for (const { drop } of [one, other]) await drop();
        if (before === undefined || now === undefined) continue;
        rows.push([
          `${name}: ${answers ? "whole turns" : "acknowledgements"}`,
          callers,
          median(before.rates),
          median(now.rates),
          ratios(now.rates, before.rates),
          median(before.cpuMs),
          median(now.cpuMs),
        ]);
      }
    }
  }
  return {
    title: "What a service does in a second",
    conditions: `1 process for each package, ${rounds} rounds of ${texts} texts, each from another person, in turn. The earlier package is ${basename(bench.baseline ?? "")}. Signed webhooks, as in a and e: with the signature, and in whole turns until the provider has the reply.`,
    columns: [
      { title: "Ledger and work" },
      { title: "callers" },
      { title: "earlier, a second" },
      { title: "now, a second" },
      { title: "of the earlier one (least to most)", digits: 2 },
      { title: "earlier: node's CPU ms for each", digits: 2 },
      { title: "now: node's CPU ms for each", digits: 2 },
    ],
    rows,
    meaning:
      "Where a ratio is below 1, this version does less in a second than the earlier package: what came since (scopes, consent under the number and its service, rules that are written once for all databases) is paid for there. Where it is above 1, calls share what each paid for itself.",
  };
}

async function ledgersOf(bench: Bench) {
  const memory = {
    name: "memory()",
    bring: async () => ({ ledger: { kind: "memory" } satisfies LedgerSpec, drop: async () => {} }),
  };
  const durable = (await ledgerKinds(bench)).filter(({ kind }) => kind !== "mongodb");
  return [memory, ...durable.map(({ name, fresh }) => ({ name, bring: fresh }))];
}

async function sizes(bench: Bench, earlier: Package, present: Package): Promise<Table> {
  const rounds = sized(bench, 2, 9);
  const both = [earlier, present];
  const costOf = (specifier: string) => importMs(process.execPath, specifier);
  const importing = await inTurn(both, rounds, async ({ folder }) => {
    const core = pathToFileURL(join(folder, "dist", "index.js")).href;
    return costOf(core) - costOf(NOTHING);
  });
  const row = (title: string, of: (one: Package, index: number) => number): Cell[] => {
    const [before = Number.NaN, now = Number.NaN] = both.map(of);
    return [title, before, now, now / before];
  };
  return {
    title: "What a service installs and loads",
    conditions: `1 process for each import, ${rounds} rounds, in turn; processor time, over a process that imports nothing.`,
    columns: [
      { title: "What" },
      { title: "earlier", digits: 1 },
      { title: "now", digits: 1 },
      { title: "of the earlier one", digits: 2 },
    ],
    rows: [
      row("tarball, kB", ({ tarball }) => statSync(tarball).size / 1000),
      row("unpacked, kB", ({ folder }) => bytesIn(folder) / 1000),
      row("import of the core, CPU ms", (_, index) => median(importing[index] ?? [])),
    ],
    meaning:
      "The tarball holds code for ESM and for CommonJS, declarations and docs; a bundle holds only what is imported.",
  };
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((total, { parentPath, name }) => total + statSync(join(parentPath, name)).size, 0);
}
