import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildIfStale } from "./build.ts";

/*
 * `npm run test:install` and `npm run test:frameworks`: tests that install packages from npm's registry, so they stand
 * apart from `npm test`. The first argument is their folder under `test`.
 */
const VITEST = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const [suite = "", ...rest] = process.argv.slice(2);

buildIfStale("complete");
const args = [VITEST, "run", "--config", `test/${suite}/vitest.config.ts`, "--maxWorkers", "1", ...rest];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
process.exitCode = status ?? 1;
