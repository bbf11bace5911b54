import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { builtKind } from "../../scripts/build-stamp.ts";
import { pack } from "../../scripts/pack.ts";
import { ROOT } from "../docs/code-blocks.ts";

const FLAGS = ["--prefer-offline", "--no-audit", "--no-fund"];
const NO_SCRIPTS = "--ignore-scripts";

let packed: string | undefined;

/** The tarball that npm would publish, made once for a test file. */
function tarball(): string {
  if (packed !== undefined) return packed;
  if (builtKind() !== "complete") {
    throw new Error("dist is missing or older than src: `npm run build` first (the npm scripts do).");
  }
  packed = pack(join(ROOT, ".tmp", `packed-${process.pid}`));
  return packed;
}

/**
 * A folder with what the lockfile in `source` names. It is kept under `.tmp` for the next run with the same lockfile.
 *
 * @param scripts Whether the packages' own install scripts run, which fetch or place their programs.
 * @throws Error with npm's message where npm refuses.
 */
export function withDependencies(source: string, { scripts }: { readonly scripts: boolean }): string {
  const from = join(ROOT, source);
  const hash = createHash("sha256");
  for (const name of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(from, name)));
  const folder = join(ROOT, ".tmp", "installs", `${source.replaceAll("/", "-")}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  // Under another name until it is complete: a run that was cut short leaves nothing to trust.
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(from, name), join(draft, name));
  npm(draft, "ci", ...FLAGS, ...(scripts ? [] : [NO_SCRIPTS]));
  renameSync(draft, folder);
  return folder;
}

/**
 * The same, with the packed ownline installed beside it, as a user does.
 *
 * @throws Error with npm's message where npm refuses, for example for a peer dependency.
 */
export function installed(source: string): string {
  const folder = withDependencies(source, { scripts: false });
  rmSync(join(folder, "node_modules", "ownline"), { recursive: true, force: true });
  npm(folder, "install", "--no-save", ...FLAGS, NO_SCRIPTS, tarball());
  return folder;
}

function npm(cwd: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args[0]} failed:\n${stdout}${stderr}`);
}
