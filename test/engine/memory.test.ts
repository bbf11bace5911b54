import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { AiTurn } from "../../src/index.ts";
import { breathe, rig } from "./rig.ts";

/** Node's own collector, without a flag on the command line. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new TypeError("this runtime does not let a test collect its garbage");
  return () => void collect();
}

describe("a process that answers for months", () => {
  it("lets go of a turn and its history once it is answered", async () => {
    const collect = collector();
    const asked: WeakRef<AiTurn>[] = [];
    await using house = rig({
      burst: { quietMs: 0 },
      ai: (turn) => {
        asked.push(new WeakRef(turn));
        return "done";
      },
    });
    await house.text("hello");
    await house.sms.settled();
    await breathe();
    collect();
    await breathe();
    collect();
    expect(house.provider.sent).toHaveLength(1);
    expect(asked.map((turn) => turn.deref())).toEqual([undefined]);
  });
});
