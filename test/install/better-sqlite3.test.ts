import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { stockNode, versionOf } from "../../scripts/stock-node.ts";
import { buildProgram } from "../runtimes/built-program.ts";
import { betterSqlite3Cases } from "../runtimes/cases/durable.ts";
import { installed } from "./installed.ts";

// The add-on is compiled, and every case commits to a disk.
vi.setConfig({ testTimeout: 600_000 });

const node = stockNode();
const isNode20 = node !== undefined && versionOf(node).startsWith("v20.");

/** Compiles the add-on for this Node; npm's own message where it cannot. */
function compile(folder: string, node20: string): string | null {
  // Where a script of npm runs this, the pinned Node comes first on the path.
  const env = { ...process.env, PATH: `${dirname(node20)}:${process.env.PATH ?? ""}` };
  const { status, stderr } = spawnSync("npm", ["rebuild", "better-sqlite3"], { cwd: folder, encoding: "utf8", env });
  return status === 0 ? null : stderr;
}

describe("a service on Node 20", () => {
  it("keeps its ledger in SQLite over better-sqlite3 11", async ({ skip }) => {
    skip(node === undefined || !isNode20, "the machine's own Node is not Node 20");
    const node20 = node ?? "";
    const folder = installed("test/install/node20");
    expect(compile(folder, node20)).toBeNull();
    await buildProgram(join(folder, "out"));
    const program = [join(folder, "out", "program.mjs"), "better-sqlite3"];
    const { stdout, stderr } = spawnSync(node20, program, { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({ count: betterSqlite3Cases().length, failures: [] });
  });
});
