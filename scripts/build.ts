import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildKind, builtKind, hashSources, recordBuild } from "./build-stamp.ts";
import { joinChunks } from "./join-chunks.ts";
import { linkSelf } from "./link-self.ts";

const TSUP = fileURLToPath(new URL("../node_modules/tsup/dist/cli-default.js", import.meta.url));
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Builds `dist` if it is missing or older than its sources. The examples of this checkout then find `ownline`.
 *
 * @throws where tsup fails; tsup's own output then says why.
 */
export function buildIfStale(kind: BuildKind): void {
  linkSelf();
  const built = builtKind();
  if (built === "complete" || built === kind) return;
  build(kind);
}

function build(kind: BuildKind): void {
  const started = performance.now();
  const sources = hashSources();
  const { status } = spawnSync(process.execPath, [TSUP], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, OWNLINE_BUILD: kind },
  });
  if (status !== 0) throw new Error("The build failed; see tsup's message above.");
  joinChunks(join(ROOT, "dist"));
  recordBuild(kind, sources);
  console.log(`Built dist (${kind}) in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

if (import.meta.main) {
  linkSelf();
  build(process.argv.includes("--js") ? "js" : "complete");
}
