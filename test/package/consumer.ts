import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { builtKind } from "../../scripts/build-stamp.ts";
import { pack } from "../../scripts/pack.ts";
import { ROOT } from "../docs/code-blocks.ts";

/** Optional peers and types that a user would have installed; linked, because their size would only cost time. */
const BESIDE = ["ai", "twilio", "better-sqlite3", "pg", "@types/node"];

/** A folder of a user's service, in which the packed package is installed. */
export interface Consumer extends Disposable {
  readonly folder: string;
  /** What npm put beside the package: its dependencies. */
  readonly installed: readonly string[];
  /** Writes a file of the service. */
  write(name: string, text: string): string;
  /** Runs a file of the service with a Node. */
  run(node: string, name: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
}

/** Packs the package as npm would publish it and installs the tarball in an empty folder. */
export function installPackage(): Consumer {
  if (builtKind() !== "complete") {
    throw new Error("dist is missing or older than src: `npm run build` first (`npm test` does).");
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ownline-consumer-")));
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  write("package.json", `${JSON.stringify({ name: "consumer", version: "1.0.0", private: true })}\n`);
  const flags = [
    "--prefix",
    folder,
    "--prefer-offline",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
  ];
  const { status, stderr } = spawnSync("npm", ["install", ...flags, pack(folder)], { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm install of the tarball failed:\n${stderr}`);
  const installed = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
  for (const name of BESIDE) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link, "junction");
  }
  return {
    folder,
    installed,
    write,
    run: (node, name) => spawnSync(node, [join(folder, name)], { cwd: folder, encoding: "utf8", timeout: 60_000 }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
