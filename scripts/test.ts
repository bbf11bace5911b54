import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildIfStale } from "./build.ts";

/*
 * `npm test`: all tests except those of `npm run test:long`. The package and docs tests run the built package, so the
 * script rebuilds `dist` first if it is out of date.
 */
const VITEST = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const args = process.argv.slice(2);
const projects = args.some((arg) => arg.startsWith("--project")) ? [] : ["--project", "!long"];

buildIfStale("complete");
const { status } = spawnSync(process.execPath, [VITEST, "run", ...projects, ...args], { stdio: "inherit" });
process.exitCode = status ?? 1;
