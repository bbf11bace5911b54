import { describe, expect, it } from "vitest";
import { type OutboundMessage, OwnlineError } from "../../src/index.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import type { SendRequest, SendResult } from "../../src/transport/transport.ts";
import { accepted, breathe, ledger, lost, OURS, type Rig, refused, rig } from "./rig.ts";

/** A failing seed prints itself and replays. */
const SEEDS = Number(process.env.OWNLINE_CHAOS_SEEDS ?? 5);
const FIRST_SEED = Number(process.env.OWNLINE_CHAOS_FIRST ?? 1);
const PEOPLE = ["+12345670001", "+12345670002", "+12345670003"];
const TEXTS = 15;
const MINUTE = 60_000;

type Dice = (chance: number) => boolean;

/** A small generator of numbers in [0, 1), the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface World {
  readonly clock: ManualClock;
  readonly storage: Storage;
  readonly dice: Dice;
  calm: boolean;
  /** What the carrier took, in its order. */
  readonly taken: { readonly request: SendRequest; readonly carrierId: string }[];
  /** Callbacks that wait to be posted. */
  readonly callbacks: { readonly request: SendRequest; readonly carrierId: string }[];
  readonly resent: Set<string>;
  readonly overtaken: Set<string>;
}

const MUTATING = new Set([
  "recordInbound",
  "recordOutbound",
  "claimTurn",
  "commitTurn",
  "releaseTurn",
  "heartbeat",
  "claimSend",
  "recordSend",
  "recordStatus",
  "resolve",
]);

/** One process: its calls to the ledger fail before or after the commit, and when it is dead nothing comes back. */
function processOf(world: World): { house: Rig; kill(): void } {
  let dead = false;
  const never = new Promise<never>(() => {});
  const storage = new Proxy(world.storage, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || !MUTATING.has(String(name))) return method;
      return async (...args: unknown[]) => {
        const failure = new OwnlineError("storage_unavailable", "the database is away", { retryable: true });
        if (dead) return never;
        if (!world.calm && world.dice(0.04)) throw failure;
        const answer: unknown = await Reflect.apply(method, target, args);
        if (dead) return never;
        if (!world.calm && world.dice(0.04)) throw failure;
        return answer;
      };
    },
  });
  const own = manualClock();
  const house = rig({
    storage,
    clock: {
      now: () => (dead ? own : world.clock).now(),
      sleep: (ms, options) => (dead ? never : world.clock.sleep(ms, options)),
      advance: world.clock.advance,
    },
    burst: { quietMs: 1000, maxWaitMs: 20_000 },
    sending: { unknownWindowMs: 5 * MINUTE, expiryMs: 24 * 60 * MINUTE },
    unsafe: { withoutLoopGuard: true },
    worker: { pollMs: 5000 },
  });
  house.script = async (turn, { signal }) => {
    if (!world.calm && world.dice(0.15)) throw new Error("overloaded");
    await world.clock.sleep(world.dice(0.5) ? 300 : 4000, { signal });
    return turn.messages.map(({ body }) => body).join(" ");
  };
  house.carrier.send = async (request): Promise<SendResult> => {
    if (dead) return never;
    if (!world.calm && world.dice(0.1)) return refused("retry-now", 20429);
    if (!world.calm && world.dice(0.08)) return lost;
    const carrierId = `SM${world.taken.length + 1}`;
    world.taken.push({ request, carrierId });
    if (world.calm || world.dice(0.8)) world.callbacks.push({ request, carrierId });
    await world.clock.sleep(100);
    if (dead) return never;
    return !world.calm && world.dice(0.1) ? lost : accepted(carrierId);
  };
  house.sms.on("notice", ({ kind, messageId }) => {
    if (kind === "resent" && messageId !== null) world.resent.add(messageId);
    if (kind === "overtaken" && messageId !== null) world.overtaken.add(messageId);
  });
  return {
    house,
    kill() {
      dead = true;
    },
  };
}

async function post(house: Rig, report: World["callbacks"][number]): Promise<boolean> {
  const receive = house.carrier.receive;
  house.carrier.receive = async () => ({
    kind: "status",
    report: {
      outboundId: report.request.outboundId,
      attempt: report.request.attempt,
      carrierId: report.carrierId,
      status: "delivered",
      rawStatus: "delivered",
      error: null,
      optOut: false,
    },
  });
  const response = await house.sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
  house.carrier.receive = receive;
  return response.status === 200;
}

async function live(seed: number): Promise<{ world: World; house: Rig; acknowledged: Map<string, string> }> {
  const random = generator(seed);
  const clock = manualClock();
  const world: World = {
    clock,
    storage: ledger(clock),
    dice: (chance) => random() < chance,
    calm: false,
    taken: [],
    callbacks: [],
    resent: new Set(),
    overtaken: new Set(),
  };
  const running = [processOf(world), processOf(world)];
  for (const { house } of running) await house.sms.start();
  const acknowledged = new Map<string, string>();
  const waiting = Array.from({ length: TEXTS }, (_, index) => ({
    sid: `SMtext${index}`,
    from: PEOPLE[index % PEOPLE.length] ?? "",
  }));
  const some = () => running[Math.floor(random() * running.length)] ?? processOf(world);

  while (waiting.length > 0 || world.callbacks.length > 0) {
    const next = waiting[0];
    if (next !== undefined && world.dice(0.5)) {
      // The carrier brings a text until it is acknowledged, and sometimes once more.
      const answered = await some()
        .house.text(next.sid, next)
        .then(
          () => true,
          (error: unknown) => error instanceof Error && error.message.includes("was not stored"),
        );
      if (answered) acknowledged.set(next.sid, next.from);
      if (answered && world.dice(0.9)) waiting.shift();
    }
    const callback = world.callbacks[0];
    if (callback !== undefined && (await post(some().house, callback).catch(() => false)) && world.dice(0.9))
      world.callbacks.shift();
    if (world.dice(0.06)) {
      const index = Math.floor(random() * running.length);
      running[index]?.kill();
      const fresh = processOf(world);
      running[index] = fresh;
      await fresh.house.sms.start();
    }
    await clock.advance(Math.floor(random() * 3000));
    await breathe();
  }
  world.calm = true;
  for (let minute = 0; minute < 15; minute += 1) await clock.advance(MINUTE);
  for (const { house } of running) await house.sms.stop();
  const judge = processOf(world).house;
  await judge.sms.settled();
  return { world, house: judge, acknowledged };
}

describe("two processes whose ledger, carrier, AI and selves fail at random", () => {
  it.each(Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index))(
    "lose nothing, answer nothing twice and keep the order (seed %i)",
    async (seed) => {
      const { world, house, acknowledged } = await live(seed);
      const { conversations } = await house.sms.conversations({ limit: 100 });
      const all = await Promise.all(
        conversations.map(({ id }) => house.sms.messages({ conversationId: id, limit: 1000 })),
      );

      const inbound = all.flat().filter((message) => message.direction === "inbound");
      expect(inbound.map(({ carrierId }) => carrierId).toSorted()).toEqual([...acknowledged.keys()].toSorted());
      const turns = await Promise.all(inbound.map(async ({ id }) => (await house.sms.explain(id))?.turn));
      for (const turn of turns) expect(["replied", "fallback"]).toContain(turn?.outcome);

      const outbound = all.flat().filter((message): message is OutboundMessage => message.direction === "outbound");
      const answered = outbound.flatMap(({ body }) => body.split(" ")).filter((word) => acknowledged.has(word));
      expect(new Set(answered).size).toBe(answered.length);
      for (const message of outbound) {
        const copies = world.taken.filter(({ request }) => request.outboundId === message.id);
        expect(new Set(copies.map(({ request }) => request.attempt)).size).toBe(copies.length);
        expect(copies.length).toBeGreaterThanOrEqual(1);
        expect(copies.length).toBeLessThanOrEqual(world.resent.has(message.id) ? message.attempts : 1);
        expect(["accepted", "delivered"]).toContain(message.status);
      }
      expect(
        world.taken.every(
          ({ request }) => request.from === OURS && outbound.some(({ id }) => id === request.outboundId),
        ),
      ).toBe(true);

      for (const messages of all) {
        const order = messages
          .filter(({ direction, id }) => direction === "outbound" && !world.overtaken.has(id))
          .map(({ id }) => id);
        const left = [...new Set(world.taken.map(({ request }) => request.outboundId))].filter((id) =>
          order.includes(id),
        );
        expect(left).toEqual(order);
      }
    },
    60_000,
  );
});
