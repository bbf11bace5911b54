import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Makes `import "ownline/…"` reach this checkout from its own examples, as it reaches the installed package in a
 * user's service. `npm ci` removes the link, so the build makes it again.
 */
export function linkSelf(): void {
  const link = join(ROOT, "node_modules", "ownline");
  if (existsSync(link)) return;
  // A link to a checkout that has moved away: existsSync follows it and sees nothing.
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync("..", link, "junction");
}
