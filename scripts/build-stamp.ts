import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { entries, outputOf } from "./entries.ts";

/** A `complete` build has declarations; a `js` build has none. */
export type BuildKind = "complete" | "js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STAMP = join(ROOT, ".tmp", "build.json");
const INPUTS = [
  "tsup.config.ts",
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/entries.ts",
  "scripts/join-chunks.ts",
  "package-lock.json",
];

/**
 * The kind of build in `dist`, if it was made from the sources as they are now; `undefined` where it is missing or
 * older.
 */
export function builtKind(): BuildKind | undefined {
  if (!existsSync(STAMP)) return undefined;
  const stamp: { kind?: unknown; sources?: unknown } = JSON.parse(readFileSync(STAMP, "utf8"));
  if (stamp.sources !== hashSources()) return undefined;
  const kind = stamp.kind === "complete" ? "complete" : "js";
  return Object.keys(entries).every((subpath) => isBuilt(subpath, kind)) ? kind : undefined;
}

/** Records which sources `dist` was built from: their hash, taken before the build read them. */
export function recordBuild(kind: BuildKind, sources: string): void {
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, `${JSON.stringify({ kind, sources })}\n`);
}

function isBuilt(subpath: string, kind: BuildKind): boolean {
  const extensions = kind === "complete" ? [".js", ".cjs", ".d.ts", ".d.cts"] : [".js", ".cjs"];
  return extensions.every((extension) => existsSync(join(ROOT, "dist", outputOf(subpath) + extension)));
}

/** One hash over all files that a build reads. */
export function hashSources(): string {
  const hash = createHash("sha256");
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .toSorted();
  for (const file of [...sources, ...INPUTS.map((name) => join(ROOT, name))]) {
    hash.update(file.slice(ROOT.length)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}
