import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The Node that is installed on the machine, which npm runs on. It is not the one that the project pins for its
 * scripts.
 */
export function stockNode(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  const candidates = [process.env.npm_node_execpath ?? "", ...folders.map((folder) => join(folder, "node"))];
  return candidates.find((file) => isExecutable(file) && realpathSync(file) !== realpathSync(process.execPath));
}

/** `v20.20.2`. */
export function versionOf(node: string): string {
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return file !== "";
  } catch {
    // Not every folder of the PATH has a `node`. The next one may have it.
    return false;
  }
}
