import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildIfStale } from "./build.ts";
import { pack } from "./pack.ts";

/*
 * All checks that must pass before a change is done. `npm run check` goes on after a failure, so that one run shows
 * every failure. `npm run check -- lint types` runs those two, `npm run check -- --without tests` all except that one.
 * Tests check the layering, the exports and the docs.
 */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(ROOT, "node_modules", ".bin");

interface Outcome {
  readonly passed: boolean;
  /** The tool's output, printed if the check fails. */
  readonly output: string;
}

const CHECKS: Readonly<Record<string, () => Outcome>> = {
  format: () => tool("biome", "check", "--error-on-warnings", "."),
  lint: () => tool("oxlint", "--deny-warnings"),
  types: () => tool("tsc", "--noEmit", "--project", "."),
  knip: () => tool("knip", "--treat-config-hints-as-errors"),
  build: () => withBuild(() => ({ passed: true, output: "" })),
  publint: () => withBuild(() => tool("publint", "run", "--strict", pack(join(ROOT, ".tmp", "package")))),
  attw: () => withBuild(() => tool("attw", "--no-definitely-typed", pack(join(ROOT, ".tmp", "package")))),
  size: () => withBuild(() => tool("size-limit")),
  "import-time": importTime,
  docs: () => tool("typedoc"),
  tests: runTests,
};

function tool(name: string, ...args: string[]): Outcome {
  const env = { ...process.env, PATH: BIN + delimiter + process.env.PATH, NO_COLOR: "1", FORCE_COLOR: "0" };
  const { status, stdout, stderr, error } = spawnSync(join(BIN, name), args, { cwd: ROOT, encoding: "utf8", env });
  if (error !== undefined) return { passed: false, output: `${name} did not start: ${error.message}` };
  return { passed: status === 0, output: stdout + stderr };
}

function withBuild(next: () => Outcome): Outcome {
  buildIfStale("complete");
  return next();
}

/** Checks whose measurements are printed even if they pass. */
function importTime(): Outcome {
  const { status } = spawnSync(process.execPath, [join(ROOT, "scripts", "import-time.ts")], { stdio: "inherit" });
  return { passed: status === 0, output: "" };
}

function runTests(): Outcome {
  const { status } = spawnSync(process.execPath, [join(ROOT, "scripts", "test.ts")], { cwd: ROOT, stdio: "inherit" });
  return { passed: status === 0, output: "" };
}

function selected(args: readonly string[]): string[] {
  const without = args.indexOf("--without");
  const named = without === -1 ? args : args.slice(0, without);
  const left = without === -1 ? [] : args.slice(without + 1);
  const unknown = [...named, ...left].filter((name) => !(name in CHECKS));
  if (unknown.length > 0) {
    throw new Error(`There is no check ${unknown.join(", ")}; the checks are ${Object.keys(CHECKS).join(", ")}.`);
  }
  return Object.keys(CHECKS).filter((name) => (named.length === 0 || named.includes(name)) && !left.includes(name));
}

function attempt(check: () => Outcome): Outcome {
  try {
    return check();
  } catch (error) {
    return { passed: false, output: error instanceof Error ? error.message : String(error) };
  }
}

const failed: string[] = [];
const names = selected(process.argv.slice(2));
for (const name of names) {
  const started = performance.now();
  const { passed, output } = attempt(CHECKS[name] ?? (() => ({ passed: false, output: "" })));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (!passed) {
    failed.push(name);
    if (output !== "") console.error(output.trimEnd());
  }
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
}
console.log(failed.length === 0 ? `All ${names.length} checks passed.` : `Failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
