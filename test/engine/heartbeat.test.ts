import { expect, it } from "vitest";
import { createHeartbeats } from "../../src/engine/worker/heartbeat.ts";
import { newWorkerState } from "../../src/engine/worker/state.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breathe, deferred } from "./rig.ts";

const ANSWER = { leases: [], unsettled: [], recovered: 0 };

it("heartbeats wait once for a run that goes on, however many passes end beside it", async () => {
  const clock = manualClock();
  const worker = { leaseMs: 3000, pollMs: 1000 } as never;
  const sending = { unknownWindowMs: 60_000 };
  const storage = { heartbeat: async () => ANSWER };
  const state = newWorkerState({ clock, worker });
  const run = deferred();
  let going: Promise<unknown>[] = [run.promise];
  const context = { clock, worker, sending, storage, reporter: {}, workerId: "w1", scope: "default" };
  const withHeartbeats = createHeartbeats(context as never, state, () => going);
  for (let passes = 0; passes < 50; passes += 1) await withHeartbeats(async () => {});
  expect(state.passes.size).toBe(1);
  going = [];
  run.resolve();
  await breathe();
  await state.passes.values().next().value;
  expect(state.passes.size).toBe(0);
});
