import type { Ownline } from "../../../ownline.ts";
import { ownline } from "../../../ownline.ts";
import type { Queue, QueueListener } from "../../../queue/queue.ts";
import { memory } from "../../../storage/memory.ts";
import { type FakeAi, fakeAi } from "../../fake-ai.ts";
import { type FakeTransport, fakeTransport } from "../../fake-transport.ts";
import { manualClock } from "../../manual-clock.ts";
import type { QueueHarness, QueueUnderTest } from "./harness.ts";

/** One promise of a queue. */
export interface QueueCase {
  readonly name: string;
  run(scene: QueueScene): Promise<void>;
}

/** A service over the queue, like one invocation of a serverless runtime. */
export interface Service {
  readonly sms: Ownline;
  readonly ai: FakeAi;
  readonly provider: FakeTransport;
  /** The codes of the errors that were emitted. */
  readonly errors: readonly string[];
  /**
   * Lets time pass for the ledger, the service and the queue, second by second, and waits for the work in each second.
   */
  pass(ms: number): Promise<void>;
}

export const OURS = "+15550100001";
export const PERSON = "+15550199001";
const STEP_MS = 1000;

/** The means of a case: the queue, its time, and its listeners. */
export class QueueScene {
  readonly queue: Queue;
  readonly lateMs: number;
  readonly earlyMs: number;
  readonly #under: QueueUnderTest;
  readonly #harness: QueueHarness;
  readonly #listeners: QueueListener[] = [];
  readonly #working = new Set<Promise<unknown>>();
  readonly #services: Ownline[] = [];

  constructor(under: QueueUnderTest, harness: QueueHarness) {
    this.queue = under.queue;
    this.#under = under;
    this.#harness = harness;
    this.lateMs = harness.lateMs ?? 0;
    this.earlyMs = harness.earlyMs ?? 0;
  }

  /** Listens for wake-ups. */
  async listen(onWakeUp: () => Promise<void>): Promise<QueueListener> {
    const listener = await this.#under.listen(() => {
      const work = onWakeUp();
      this.#working.add(work);
      const done = () => this.#working.delete(work);
      work.then(done, done);
      return work;
    });
    this.#listeners.push(listener);
    return listener;
  }

  /** Counts wake-ups. */
  async count(): Promise<{ readonly wakeUps: number; readonly listener: QueueListener }> {
    const counted = { wakeUps: 0 };
    const listener = await this.listen(async () => {
      counted.wakeUps += 1;
    });
    return {
      get wakeUps() {
        return counted.wakeUps;
      },
      listener,
    };
  }

  /** Lets the queue's time pass, and waits for the work that the wake-ups started. */
  async advance(ms: number): Promise<void> {
    await this.#under.advance(ms);
    await Promise.allSettled(this.#working);
  }

  /**
   * Starts a service whose webhooks notify the queue, and whose consumer receives the wake-ups. No other service works
   * on the ledger.
   */
  async serve(queue: Queue = this.queue): Promise<Service> {
    const clock = manualClock();
    const errors: string[] = [];
    const ai = fakeAi();
    const provider = fakeTransport({ now: clock.now });
    const sms = ownline({
      senders: [OURS],
      transport: provider,
      storage: this.#harness.ledger?.(clock) ?? memory({ clock }),
      ai,
      queue,
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    sms.on("error", ({ code }) => errors.push(code));
    this.#services.push(sms);
    await this.listen(async () => void (await sms.processDue()));
    return {
      sms,
      ai,
      provider,
      errors,
      pass: async (ms) => {
        for (let left = ms; left > 0; left -= STEP_MS) {
          const step = Math.min(left, STEP_MS);
          await clock.advance(step);
          await this.advance(step);
        }
      },
    };
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) await listener.close();
    await Promise.allSettled(this.#working);
    for (const sms of this.#services) await sms[Symbol.asyncDispose]();
  }
}
