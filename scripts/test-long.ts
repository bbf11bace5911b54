import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildIfStale } from "./build.ts";

/*
 * `npm run test:long`: the tests that take minutes, or that need programs which few machines have. Its parts:
 *
 * - `long`: the files `*.long.test.ts`.
 * - `install` and `frameworks`: tests that install packages from npm's registry.
 *
 * Without arguments it runs all parts, one after the other. `-- install` runs that part, and other arguments go to
 * Vitest: `-- test/faults` runs the long tests of that folder.
 */
const VITEST = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const PARTS: Readonly<Record<string, readonly string[]>> = {
  long: ["--project", "long"],
  install: ["--config", "test/install/vitest.config.ts", "--maxWorkers", "1"],
  frameworks: ["--config", "test/frameworks/vitest.config.ts", "--maxWorkers", "1"],
};

const [first, ...others] = process.argv.slice(2);
const isNamed = first !== undefined && first in PARTS;
const names = first === undefined ? Object.keys(PARTS) : [isNamed ? first : "long"];
const rest = isNamed ? others : process.argv.slice(2);

buildIfStale("complete");
for (const name of names) {
  const part = PARTS[name] ?? [];
  const since = performance.now();
  const { status } = spawnSync(process.execPath, [VITEST, "run", ...part, ...rest], { stdio: "inherit" });
  console.log(`${name}: ${Math.round((performance.now() - since) / 1000)} s\n`);
  if (status !== 0) process.exitCode = status ?? 1;
}
