import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pack } from "../../scripts/pack.ts";

let folder = "";
let tarball = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ownline-copied-"));
  tarball = pack(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The example as a user has it: copied out of the package, with the published version beside it. */
function copied(name: string): string {
  spawnSync("tar", ["-xzf", tarball, "-C", folder]);
  const copy = join(folder, name);
  cpSync(join(folder, "package", "examples", name), copy, { recursive: true });
  const { status, stderr } = spawnSync("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], {
    cwd: copy,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return copy;
}

describe("a copied example", () => {
  it("of Express installs, starts and serves its page", async () => {
    const copy = copied("express");
    const server = spawn(process.execPath, ["src/server.ts"], {
      cwd: copy,
      env: { PATH: process.env.PATH ?? "", PORT: "0", UI_PORT: "0" },
    });
    let output = "";
    const ready = new Promise<string>((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        output += chunk.toString();
        const url = /http:\/\/localhost:\d+/.exec(output)?.[0];
        if (url !== undefined && output.includes("Answered by:")) resolve(url);
      };
      server.stdout.on("data", hear);
      server.stderr.on("data", hear);
      server.once("exit", () => reject(new Error(output)));
    });
    expect(await (await fetch(await ready)).text()).toContain("<title>Conversations");
    server.kill("SIGTERM");
    await once(server, "exit");
  });

  it("of the Worker installs, and wrangler migrates its database and makes a bundle of it", () => {
    const copy = copied("hono-worker");
    const wrangler = join(copy, "node_modules", ".bin", "wrangler");
    for (const command of [
      ["d1", "migrations", "apply", "DB", "--local"],
      ["deploy", "--dry-run", "--outdir", join(copy, "out")],
    ]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [wrangler, ...command], {
        cwd: copy,
        encoding: "utf8",
        env: { PATH: process.env.PATH ?? "", CI: "1", WRANGLER_SEND_METRICS: "false", HOME: folder },
      });
      expect(status, stdout + stderr).toBe(0);
    }
  });
});
