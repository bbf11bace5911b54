import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Packs the files that npm would publish, with `dist` as it is.
 *
 * @param folder where the tarball goes; made if missing.
 * @returns the tarball's path.
 */
export function pack(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder];
  const { status, stdout } = spawnSync("npm", args, {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error("npm pack failed; see npm's message above.");
  return join(folder, stdout.trim());
}
