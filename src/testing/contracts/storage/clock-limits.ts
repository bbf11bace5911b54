import type { SendConditions } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import { ahead, strangers } from "./clocks.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { EXPIRY_MS, FREE, LINE } from "./terms.ts";

const MONTH_MS = 30 * 86_400_000;
const MINUTE_MS = 60_000;
const COST_MS = 30_000;
const RATE_LIMIT = { key: "sender", costMs: COST_MS, reason: "The sender is busy." } as const;
const RATE_LIMITED: SendConditions = { ...FREE, rateLimit: RATE_LIMIT };
const SWEEP_EVERY_MS = 600_000;
const SWEEP_LEASE_MS = 30_000;

/** What holds for rate limits, sweeps and counters where a clock was ahead for a while. */
export const clockLimitCases: readonly StorageCase[] = [
  {
    name: "loses no text where the clock falls a month behind for a moment",
    async run(s) {
      await s.advance(MONTH_MS);
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
      await ahead(s, -MONTH_MS, async () => {
        for (const id of await s.dueIds()) {
          await s.claimSend(id, { conditions: { ...RATE_LIMITED, delayMs: MINUTE_MS }, expiryMs: EXPIRY_MS });
        }
      });
      equal((await s.dueIds()).toSorted(), [second, third].toSorted(), "due");
      await s.sending(third);
      await s.advance(COST_MS);
      await s.sending(second, { conditions: RATE_LIMITED });
    },
  },
  {
    name: "gives a text a new reservation where a clock that was a month ahead gave it one, and starts the rate limit anew",
    async run(s) {
      const [second, third] = await ahead(s, MONTH_MS, async () => {
        const made = await strangers(s, 3);
        await s.sending(made[0], { conditions: RATE_LIMITED });
        await waits(s, made[1], COST_MS);
        return made.slice(1);
      });
      equal((await s.dueIds()).toSorted(), [second, third].toSorted(), "due");
      await s.sending(present(second, "the second"), { conditions: RATE_LIMITED });
      await waits(s, present(third, "the third"), COST_MS);
    },
  },
  {
    name: "leaves a queue of reservations as it is where a clock was a month ahead for a moment",
    async run(s) {
      const [first, ...queue] = await strangers(s, 5);
      await s.sending(first, { conditions: RATE_LIMITED });
      for (const [place, id] of queue.entries()) await waits(s, id, (place + 1) * COST_MS);
      await ahead(s, MONTH_MS, async () => {
        for (const id of await s.dueIds())
          equal((await s.claimSend(id, { conditions: RATE_LIMITED })).outcome, "waiting", id);
      });
      const [early, ...others] = await s.dueIds();
      equal([early, ...others].toSorted(), queue.toSorted(), "due, since the clock may have moved their times");
      for (const [place, id] of queue.entries()) await waits(s, id, (place + 1) * COST_MS);
      await leaveInTime(s, queue);
    },
  },
  {
    name: "lets a queue leave in its order and by its rate limit where a clock that was a month ahead used up the rate limit",
    async run(s) {
      const [first, ...queue] = await strangers(s, 4);
      await s.sending(first, { conditions: RATE_LIMITED });
      for (const [place, id] of queue.entries()) await waits(s, id, (place + 1) * COST_MS);
      await ahead(s, MONTH_MS, async () => {
        const [stranger] = await strangers(s, 1);
        await s.sending(stranger, { conditions: RATE_LIMITED });
      });
      await leaveInTime(s, queue);
    },
  },
  {
    name: "lets a sweep be claimed that a clock a month ahead claimed or committed",
    async run(s) {
      const claimed = await ahead(s, MONTH_MS, async () => present(await claimSweep(s), "the claim"));
      equal(await commitSweep(s, claimed.fence, 5_000), true, "its own commit");
      equal(await claimSweep(s), null, "a claim too soon");
      await s.advance(SWEEP_EVERY_MS);
      await ahead(s, MONTH_MS, async () => {
        const second = present(await claimSweep(s), "the second claim");
        equal(second.watermark, 5_000, "watermark");
        equal(await commitSweep(s, second.fence, 6_000), true, "the second commit");
      });
      const third = present(await claimSweep(s), "the third claim");
      equal(third.watermark, 6_000, "watermark");
      await s.advance(SWEEP_LEASE_MS);
      await ahead(s, MONTH_MS, async () => void present(await claimSweep(s), "a claim that dies"));
      ok((await claimSweep(s)) !== null, "a claim after it");
    },
  },
  {
    name: "opens a counter anew that a clock a month ahead opened, and leaves one alone that it only charged",
    async run(s) {
      const counter = { key: "k", windowMs: 2 * MONTH_MS, max: 2, charge: 1, full: "wait", reason: "Enough." } as const;
      const conditions = { ...FREE, counters: [counter] };
      const charge = async (): Promise<string> => {
        const [id] = await strangers(s, 1);
        return (await s.claimSend(id, { conditions })).outcome;
      };
      await ahead(s, MONTH_MS, async () => {
        equal([await charge(), await charge(), await charge()], ["claimed", "claimed", "waiting"], "ahead");
      });
      equal(await s.storage.counters(["k"]), [], "open counters");
      equal(await charge(), "claimed", "the first one after it");
      const [open] = await s.storage.counters(["k"]);
      equal(open?.count, 1, "charged");
      s.near(open?.endsInMs ?? null, 2 * MONTH_MS, "endsInMs");
      equal(await ahead(s, MONTH_MS, charge), "claimed", "one from ahead, in the same window");
      equal(await charge(), "waiting", "the counter is full");
    },
  },
];

/** Checks that each text of a queue leaves at the time of its own reservation, and not earlier. */
async function leaveInTime(s: Scene, queue: readonly string[]): Promise<void> {
  for (const id of queue) {
    equal(await s.dueIds(), [], "due before its time");
    await s.advance(COST_MS);
    equal(await s.dueIds(), [id], "due at its time");
    await s.sending(id, { conditions: RATE_LIMITED });
  }
}

async function waits(s: Scene, id: string, forMs: number): Promise<void> {
  const answer = await s.claimSend(id, { conditions: RATE_LIMITED });
  ok(answer.outcome === "waiting", `${id}: expected waiting, got ${answer.outcome}`);
  s.near(answer.retryInMs, forMs, `how long ${id} waits`);
}

function claimSweep(s: Scene) {
  const callId = s.id("call");
  return s.storage.claimSweep({
    callId,
    workerId: "w1",
    sender: LINE,
    everyMs: SWEEP_EVERY_MS,
    leaseMs: SWEEP_LEASE_MS,
  });
}

function commitSweep(s: Scene, fence: number, watermark: number) {
  return s.storage.commitSweep({ callId: s.id("call"), sender: LINE, fence, watermark });
}
