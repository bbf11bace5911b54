import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { ROOT } from "../docs/code-blocks.ts";

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");

const USE = `
import { type D1DatabaseLike, d1 } from "ownline/storage/d1";
declare const env: { readonly DB: D1Database };
export const storage: unknown = d1(env.DB);
export const database: D1DatabaseLike = env.DB;
// @ts-expect-error a bucket is not a database
export const mistake: unknown = d1({} as R2Bucket);
`;

describe("the types of a Worker", () => {
  it("have a D1Database that d1() takes as it is", { timeout: 60_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "ownline-types-"));
    try {
      copyFileSync(join(ROOT, "test/runtimes/workerd/wrangler.jsonc"), join(folder, "wrangler.jsonc"));
      const env = { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", XDG_CONFIG_HOME: folder };
      const { status, stderr } = spawnSync(process.execPath, [WRANGLER, "types"], {
        cwd: folder,
        encoding: "utf8",
        env,
      });
      expect(status, stderr).toBe(0);
      writeFileSync(join(folder, "use.ts"), USE);
      const program = ts.createProgram([join(folder, "use.ts"), join(folder, "worker-configuration.d.ts")], {
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
        target: ts.ScriptTarget.ES2023,
        lib: ["lib.es2023.d.ts"],
        types: [],
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        paths: { "ownline/storage/d1": [join(ROOT, "src/storage/d1.ts")] },
      });
      const mistakes = ts
        .getPreEmitDiagnostics(program)
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
      expect(mistakes).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
