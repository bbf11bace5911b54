import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { stockNode, versionOf } from "../scripts/stock-node.ts";
import { ROOT } from "./docs/code-blocks.ts";

const GUARD = `${ROOT}scripts/require-node.cjs`;

describe("the check of the import time", () => {
  it.each([
    ["passes under the limit", "10000", 0],
    ["fails over it", "0.01", 1],
  ])("%s, and says what it measured", { timeout: 200_000 }, (_, limit, expected) => {
    const args = [`${ROOT}scripts/import-time.ts`, "--alone", "--rounds=1", `--limit=${limit}`];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stdout).toMatch(/^Node v24.*: ownline \d+\.\d ms of at most/);
    expect(status).toBe(expected);
  });
});

describe("the guard of the npm scripts", () => {
  it("lets the pinned Node pass in silence", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [GUARD], { encoding: "utf8" });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });

  it("stops an older Node with one sentence that says what to do", ({ skip }) => {
    const stock = stockNode();
    skip(stock === undefined || /^v(2[4-9]|[3-9]\d)\./.test(versionOf(stock)), "the machine has no older Node");
    const { status, stdout, stderr } = spawnSync(stock ?? "", ["-r", GUARD, `${ROOT}scripts/demo.ts`], {
      encoding: "utf8",
    });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^ownline's scripts need Node 24, .* run `npm ci` without --ignore-scripts and try again\.\n$/,
    );
  });
});
