import { equal, ok } from "../storage/assert.ts";
import type { QueueCase } from "./scene.ts";

const DELAY_MS = 5000;

/** What a queue itself promises. */
export const ringCases: readonly QueueCase[] = [
  {
    name: "brings a ring that is asked for now",
    async run(s) {
      const heard = await s.count();
      await s.queue.ring({ delayMs: 0 });
      await s.advance(s.lateMs);
      ok(heard.rings >= 1, "no ring came");
    },
  },
  {
    name: "brings no ring before its time, and brings it then",
    async run(s) {
      const heard = await s.count();
      await s.queue.ring({ delayMs: DELAY_MS });
      await s.advance(DELAY_MS - s.earlyMs - 1);
      equal(heard.rings, 0, "rings before the time");
      await s.advance(1 + s.earlyMs + s.lateMs);
      ok(heard.rings >= 1, "no ring came in its time");
    },
  },
  {
    name: "lets a short wait overtake a long one, and still brings the long one",
    async run(s) {
      const heard = await s.count();
      await s.queue.ring({ delayMs: 4 * DELAY_MS });
      await s.queue.ring({ delayMs: 0 });
      await s.advance(s.lateMs);
      const early = heard.rings;
      ok(early >= 1, "the short wait's ring waited for the long one's");
      await s.advance(4 * DELAY_MS);
      ok(heard.rings > early, "the long wait's ring did not come");
    },
  },
  {
    name: "takes many rings at once, and brings one at least after the last of each moment",
    async run(s) {
      const heard = await s.count();
      const delays = [0, DELAY_MS, 2 * DELAY_MS].flatMap((delayMs) => Array.from({ length: 10 }, () => delayMs));
      await Promise.all(delays.map((delayMs) => s.queue.ring({ delayMs })));
      let before = 0;
      for (const wait of [s.lateMs, DELAY_MS, DELAY_MS]) {
        await s.advance(wait);
        ok(heard.rings > before, "no ring came for one of the moments");
        before = heard.rings;
      }
    },
  },
  {
    name: "takes a wait of many days",
    async run(s) {
      await s.queue.ring({ delayMs: 40 * 86_400_000 });
    },
  },
  {
    name: "is silent for a listener that is closed",
    async run(s) {
      const heard = await s.count();
      await s.queue.ring({ delayMs: DELAY_MS });
      await heard.listener.close();
      await s.advance(DELAY_MS + s.lateMs);
      equal(heard.rings, 0, "rings after the close");
    },
  },
];
