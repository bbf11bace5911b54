import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The Worker example has its own link, since wrangler searches for the migrations only in the example's folder. */
const LINKS = ["node_modules/ownline", "examples/hono-worker/node_modules/ownline"];

/**
 * Makes `import "ownline/…"` reach this checkout from its own examples, as it reaches the installed package in a user's
 * service. `npm ci` removes the link, and the build makes it again.
 */
export function linkSelf(): void {
  for (const link of LINKS.map((path) => join(ROOT, path))) {
    if (existsSync(link)) continue;
    // The link may point to a checkout that was moved. existsSync follows the link, and then finds nothing.
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), ROOT), link, "junction");
  }
}
