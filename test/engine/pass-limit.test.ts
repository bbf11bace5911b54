import { expect, it } from "vitest";
import { rig } from "./rig.ts";

const AT_ONCE = { burst: { quietMs: 0, maxWaitMs: 0 }, sending: { rateLimit: false } } as const;

it("one processDue() begins as many turns and messages as it may, and says that the rest is due", async () => {
  await using one = rig({ ...AT_ONCE, worker: { passLimit: 3 } });
  for (let n = 0; n < 4; n += 1) await one.type("Hello!", `+1234567890${n}`);
  const passes = [];
  for (let n = 0; n < 4; n += 1) {
    const { turns, sends, nextDueAt } = await one.sms.processDue();
    passes.push([turns, sends, nextDueAt === null]);
  }
  expect(passes).toEqual([
    [3, 0, false],
    [0, 3, false],
    [1, 1, true],
    [0, 0, true],
  ]);
  expect(one.provider.sent).toHaveLength(4);
});

it("without a limit one processDue() does all", async () => {
  await using one = rig(AT_ONCE);
  for (let n = 0; n < 4; n += 1) await one.type("Hello!", `+1234567890${n}`);
  expect(await one.sms.processDue()).toMatchObject({ turns: 4, sends: 4, nextDueAt: null });
});

it("a limit of one goes on pass by pass, also with a message in several parts", async () => {
  await using one = rig({ ...AT_ONCE, worker: { passLimit: 1 } });
  one.script = () => "x".repeat(3_000);
  await one.type("Hello!");
  let passes = 0;
  for (;;) {
    const { turns, sends } = await one.sms.processDue();
    expect(turns + sends).toBeLessThanOrEqual(1);
    if (turns + sends === 0) break;
    passes += 1;
  }
  expect(passes).toBe(1 + one.provider.sent.length);
  expect(one.provider.sent.length).toBeGreaterThan(1);
});
