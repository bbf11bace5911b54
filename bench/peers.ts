import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { lockedInstall } from "../scripts/locked-install.ts";

/*
 * The packages that only the benchmark needs. They are installed on demand, in the versions of
 * bench/peers/package-lock.json, and stay under .tmp.
 */
const SOURCE = "bench/peers";

/**
 * Installs the packages if they are missing.
 *
 * @returns why they are not available; `null` where they are
 */
export function peersMissing(): string | null {
  try {
    lockedInstall(SOURCE, { scripts: false });
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n", 2).join(" ") ?? "") : String(error);
  }
}

/** A package's module. Each `main` is also what the package exports to an import. */
// biome-ignore lint/suspicious/noExplicitAny: only the caller knows what a package exports.
export function peer(name: string): Promise<any> {
  const folder = join(lockedInstall(SOURCE, { scripts: false }), "node_modules", name);
  const { main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return import(pathToFileURL(join(folder, main)).href);
}

/** `chat 4.41.1`, by the lockfile. */
export function peerVersion(name: string): string {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "peers", "package.json"), "utf8"));
  return `${name} ${dependencies[name]}`;
}
