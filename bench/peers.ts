import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { lockedInstall } from "../scripts/locked-install.ts";

/*
 * What only the benchmark measures against, and no other command needs: installed on demand, in the versions of
 * bench/peers/package-lock.json, and kept under .tmp.
 */
const SOURCE = "bench/peers";

/**
 * Installs the peers where they are missing.
 *
 * @returns why they cannot be had; `null` where they can
 */
export function peersMissing(): string | null {
  try {
    lockedInstall(SOURCE, { scripts: false });
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n", 2).join(" ") ?? "") : String(error);
  }
}

/** A peer's module. Each one's `main` is what it exports to an import. */
// biome-ignore lint/suspicious/noExplicitAny: what a package exports is known to its caller alone.
export function peer(name: string): Promise<any> {
  const folder = join(lockedInstall(SOURCE, { scripts: false }), "node_modules", name);
  const { main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return import(pathToFileURL(join(folder, main)).href);
}

/** `chat 4.41.1`, as the lockfile has it. */
export function peerVersion(name: string): string {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "peers", "package.json"), "utf8"));
  return `${name} ${dependencies[name]}`;
}
