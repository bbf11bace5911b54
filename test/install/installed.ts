import { rmSync } from "node:fs";
import { join } from "node:path";
import { builtKind } from "../../scripts/build-stamp.ts";
import { lockedInstall, npm } from "../../scripts/locked-install.ts";
import { pack } from "../../scripts/pack.ts";
import { ROOT } from "../docs/code-blocks.ts";

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
 * A folder with what the lockfile in `source` names, and with the packed ownline installed beside it, as a user does.
 *
 * @throws Error with npm's message where npm refuses, for example for a peer dependency.
 */
export function installed(source: string): string {
  const folder = lockedInstall(source, { scripts: false });
  rmSync(join(folder, "node_modules", "ownline"), { recursive: true, force: true });
  npm(folder, "install", "--no-save", "--ignore-scripts", tarball());
  return folder;
}
