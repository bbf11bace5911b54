import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../docs/code-blocks.ts";

/** A Node that is no dependency, since it would take the place of the pinned one; or why there is none. */
export type ForeignNode =
  | { readonly file: string; readonly missing: null }
  | { readonly file: null; readonly missing: string };

const INSTALL_TIMEOUT_MS = 180_000;

/** A Node of exactly this version, from npm's package for this machine. It is kept under `.tmp` for the next run. */
export function foreignNode(version: string): ForeignNode {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const folder = join(ROOT, ".tmp", "runtimes", `node-${version}`);
  const file = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(file)) return { file, missing: null };

  mkdirSync(folder, { recursive: true });
  const flags = ["--prefix", folder, "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { error, stderr } = spawnSync("npm", ["install", ...flags, "--no-package-lock", `${name}@${version}`], {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
    timeout: INSTALL_TIMEOUT_MS,
  });
  if (existsSync(file)) return { file, missing: null };
  const reason = error?.message ?? /npm error (.+)/.exec(stderr)?.[1] ?? "npm did not say why";
  return { file: null, missing: `npm could not install ${name}@${version}: ${reason}` };
}
