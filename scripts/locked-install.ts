import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FLAGS = ["--prefer-offline", "--no-audit", "--no-fund"];

/**
 * A folder with the packages of the lockfile in `source`, which only a few commands need. The folder stays under `.tmp`
 * for the next run with the same lockfile.
 *
 * @param source a folder of this checkout with a package.json and its lockfile: `bench/peers`
 * @param scripts whether the packages' own install scripts run, which download or place their programs
 * @throws Error with npm's message where npm fails, or reaches no registry
 */
export function lockedInstall(source: string, { scripts }: { readonly scripts: boolean }): string {
  const from = join(ROOT, source);
  const hash = createHash("sha256");
  for (const name of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(from, name)));
  const folder = join(ROOT, ".tmp", "installs", `${source.replaceAll("/", "-")}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  // The folder has another name until it is complete, so that an interrupted run leaves no half-made one.
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(from, name), join(draft, name));
  npm(draft, "ci", ...(scripts ? [] : ["--ignore-scripts"]));
  renameSync(draft, folder);
  return folder;
}

/** @throws Error with npm's message where npm fails, for example for a peer dependency */
export function npm(cwd: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync("npm", [...args, ...FLAGS], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args[0]} failed:\n${stdout}${stderr}`);
}
