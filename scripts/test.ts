import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildIfStale } from "./build.ts";

// The package and docs tests run what a user installs, so `dist` is brought up to date first.
const VITEST = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));

buildIfStale("complete");
const { status } = spawnSync(process.execPath, [VITEST, "run", ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
