import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { FOLDER } from "../../scripts/d1-migrations.ts";
import { SCHEMA_VERSION } from "../../src/storage/sql/meta.ts";

it("wrangler takes the files for migrations of D1", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "ownline-wrangler-"));
  try {
    const database = { binding: "DB", database_name: "ledger", database_id: "ledger", migrations_dir: FOLDER };
    writeFileSync(join(folder, "wrangler.json"), JSON.stringify({ name: "worker", d1_databases: [database] }));
    const wrangler = (...args: string[]) =>
      spawnSync(
        process.execPath,
        [
          join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js"),
          "d1",
          ...args,
          "--local",
          "--persist-to",
          folder,
        ],
        {
          cwd: folder,
          encoding: "utf8",
          env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", XDG_CONFIG_HOME: folder },
        },
      );
    const applied = wrangler("migrations", "apply", "DB");
    expect([applied.status, applied.stderr]).toEqual([0, ""]);
    const result = (sql: string): unknown =>
      JSON.parse(wrangler("execute", "DB", "--json", "--command", sql).stdout)[0].results;
    expect(result("select version from ownline_meta")).toEqual([{ version: SCHEMA_VERSION }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
