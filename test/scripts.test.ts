import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { ROOT } from "./docs/code-blocks.ts";
import { stockNode, versionOf } from "./package/consumer.ts";

const GUARD = `${ROOT}scripts/require-node.cjs`;

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
