import type { Queue } from "../../../queue/queue.ts";
import { equal } from "../storage/assert.ts";
import { OURS, PERSON, type QueueCase, type QueueScene, type Service } from "./scene.ts";

/** Longer than the default burst, the queue's own delay and the injected delay together. */
const LONG_MS = 30_000;
const LATE_MS = 60_000;

interface Misbehaviour {
  readonly name: string;
  /** Makes the faulty queue that the service gets. */
  wrap(queue: Queue): Queue;
  /** Whether a wake-up or the cron leads to the answer. */
  readonly by: "wake-up" | "cron";
  /** How much longer the answer may take. */
  readonly extraMs: number;
}

const MISBEHAVIOURS: readonly Misbehaviour[] = [
  { name: "wake-ups come as they should", wrap: (queue) => queue, by: "wake-up", extraMs: 0 },
  {
    name: "wake-ups come late",
    wrap: (queue) => ({ name: queue.name, notify: ({ delayMs }) => queue.notify({ delayMs: delayMs + LATE_MS }) }),
    by: "wake-up",
    extraMs: 2 * LATE_MS,
  },
  {
    name: "wake-ups come too early",
    wrap: (queue) => ({
      name: queue.name,
      notify: ({ delayMs }) => queue.notify({ delayMs: Math.min(delayMs, 1000) }),
    }),
    by: "wake-up",
    extraMs: 0,
  },
  {
    name: "every wake-up comes three times",
    wrap: (queue) => ({
      name: queue.name,
      async notify(order) {
        await Promise.all([queue.notify(order), queue.notify(order)]);
        await queue.notify({ delayMs: order.delayMs + 1000 });
      },
    }),
    by: "wake-up",
    extraMs: 0,
  },
  {
    name: "wake-ups overtake each other",
    wrap(queue) {
      let held: number | null = null;
      return {
        name: queue.name,
        async notify({ delayMs }) {
          if (held === null) {
            held = delayMs;
            return;
          }
          await queue.notify({ delayMs });
          await queue.notify({ delayMs: held + delayMs });
          held = null;
        },
      };
    },
    by: "wake-up",
    extraMs: 0,
  },
  { name: "every wake-up is lost", wrap: ({ name }) => ({ name, notify: async () => {} }), by: "cron", extraMs: 0 },
  {
    name: "the queue refuses every wake-up",
    wrap: ({ name }) => ({ name, notify: () => Promise.reject(new Error("the queue is down")) }),
    by: "cron",
    extraMs: 0,
  },
];

/** What every conversation over any queue must fulfil. */
export const conversationCases: readonly QueueCase[] = [
  ...MISBEHAVIOURS.map(
    (misbehaviour): QueueCase => ({
      name: `answers a burst once when ${misbehaviour.name}`,
      run: (s) => answersOnce(s, misbehaviour),
    }),
  ),
  {
    name: "asks the AI again after its failure, by a wake-up of its own",
    async run(s) {
      const service = await s.serve();
      service.ai.push(new Error("the model is down"));
      await text(service, "one");
      await service.pass(LONG_MS + 4 * s.lateMs);
      equal(service.ai.calls.length, 2, "calls of the AI");
      equal(service.provider.taken.length, 1, "answers");
    },
  },
  {
    name: "sends what the service writes",
    async run(s) {
      const service = await s.serve();
      await service.sms.send({ key: "order", to: PERSON, body: "Your table is ready." });
      await service.pass(1000 + s.lateMs);
      equal(
        service.provider.taken.map(({ body }) => body),
        ["Your table is ready."],
        "sent",
      );
    },
  },
  {
    name: "asks for no more wake-ups when nothing is due any more",
    async run(s) {
      let wakeUps = 0;
      const { name } = s.queue;
      const service = await s.serve({
        name,
        async notify(order) {
          wakeUps += 1;
          await s.queue.notify(order);
        },
      });
      await text(service, "one");
      await service.pass(LONG_MS + 4 * s.lateMs);
      const before = wakeUps;
      await service.pass(LONG_MS + 4 * s.lateMs);
      equal(wakeUps, before, "wake-ups after the answer");
    },
  },
];

async function answersOnce(s: QueueScene, { wrap, by, extraMs }: Misbehaviour): Promise<void> {
  const service = await s.serve(wrap(s.queue));
  await text(service, "one");
  await text(service, "two");
  await service.pass(LONG_MS + extraMs + 4 * s.lateMs);
  equal(service.provider.taken.length, by === "wake-up" ? 1 : 0, "answers before the cron looks");
  await service.sms.processDue();
  await service.pass(LONG_MS);
  await service.sms.processDue();
  equal(service.provider.taken.length, 1, "answers");
  const asked = service.ai.calls.map(({ turn }) => turn.messages.map(({ body }) => body));
  equal(asked, [["one", "two"]], "what the AI was asked");
  const refused = wrap(s.queue).notify({ delayMs: 0 });
  const isRefused = await refused.then(
    () => false,
    () => true,
  );
  equal(service.errors.length > 0, isRefused, "whether an error was emitted");
}

async function text(service: Service, body: string): Promise<void> {
  const response = await service.sms.fetch(service.provider.text({ from: PERSON, to: OURS, body }));
  equal(response.status, 200, "the webhook's answer");
}
