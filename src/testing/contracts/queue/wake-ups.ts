import { equal, ok } from "../storage/assert.ts";
import type { QueueCase } from "./scene.ts";

const DELAY_MS = 5000;

/** What a queue itself must fulfil. */
export const wakeUpCases: readonly QueueCase[] = [
  {
    name: "brings a wake-up that is asked for now",
    async run(s) {
      const heard = await s.count();
      await s.queue.notify({ delayMs: 0 });
      await s.advance(s.lateMs);
      ok(heard.wakeUps >= 1, "no wake-up came");
    },
  },
  {
    name: "brings no wake-up before its time, and brings it then",
    async run(s) {
      const heard = await s.count();
      await s.queue.notify({ delayMs: DELAY_MS });
      await s.advance(DELAY_MS - s.earlyMs - 1);
      equal(heard.wakeUps, 0, "wake-ups before the time");
      await s.advance(1 + s.earlyMs + s.lateMs);
      ok(heard.wakeUps >= 1, "no wake-up came in its time");
    },
  },
  {
    name: "lets a short wait overtake a long one, and still brings the long one",
    async run(s) {
      const heard = await s.count();
      await s.queue.notify({ delayMs: 4 * DELAY_MS });
      await s.queue.notify({ delayMs: 0 });
      await s.advance(s.lateMs);
      const early = heard.wakeUps;
      ok(early >= 1, "the short wait's wake-up waited for the long one's");
      await s.advance(4 * DELAY_MS);
      ok(heard.wakeUps > early, "the long wait's wake-up did not come");
    },
  },
  {
    name: "takes many wake-ups at once, and brings one at least after the last of each moment",
    async run(s) {
      const heard = await s.count();
      const delays = [0, DELAY_MS, 2 * DELAY_MS].flatMap((delayMs) => Array.from({ length: 10 }, () => delayMs));
      await Promise.all(delays.map((delayMs) => s.queue.notify({ delayMs })));
      let before = 0;
      for (const wait of [s.lateMs, DELAY_MS, DELAY_MS]) {
        await s.advance(wait);
        ok(heard.wakeUps > before, "no wake-up came for one of the moments");
        before = heard.wakeUps;
      }
    },
  },
  {
    name: "takes a wait of many days",
    async run(s) {
      await s.queue.notify({ delayMs: 40 * 86_400_000 });
    },
  },
  {
    name: "sends no wake-up to a closed listener",
    async run(s) {
      const heard = await s.count();
      await s.queue.notify({ delayMs: DELAY_MS });
      await heard.listener.close();
      await s.advance(DELAY_MS + s.lateMs);
      equal(heard.wakeUps, 0, "wake-ups after the close");
    },
  },
];
