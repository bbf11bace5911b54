import { join } from "node:path";
import type { Plan } from "./crash-points.ts";
import type { EngineSettings } from "./engine.ts";
import { calm, type Network } from "./network.ts";
import { type Carrier, type EngineProcess, startEngine } from "./processes.ts";
import { heldBy, readTrace, type Trace } from "./trace.ts";

/** A process died without a word, and another one took its place. */
export interface Kill {
  readonly at: number;
  /** When its successor was started. */
  readonly restartedAt: number;
  /** Where it killed itself; `null` where it was killed from outside, at random. */
  readonly point: string | null;
  /** Whom it held: with a turn at work, or with a text on its way to the carrier. */
  readonly turns: ReadonlySet<string>;
  readonly sends: ReadonlySet<string>;
}

/** The processes that serve one number. A process that dies is replaced at once. */
export interface Fleet extends AsyncDisposable {
  /** Kills a process that is alive; says whether there was one. */
  kill(): boolean;
  /** Stops a process for a while, in the middle of whatever it does. */
  freeze(ms: number): Promise<void>;
  /** Ends a process politely, as a deploy does. */
  deploy(): Promise<void>;
  setNetwork(network: Network): Promise<void>;
  readonly kills: readonly Kill[];
  readonly restarts: number;
  readonly traces: () => readonly Trace[];
  output(): string;
}

export interface FleetOptions {
  readonly carrier: Carrier;
  readonly dir: string;
  readonly size: number;
  readonly random: () => number;
  /** What the next process is to do to itself. */
  plan(): readonly Plan[];
  /** For the process of a slot, 0 for the first. */
  settings(slot: number): Omit<EngineSettings, "plans" | "traceFile">;
}

interface Slot {
  engine: EngineProcess | null;
  point: string | null;
  frozen: boolean;
}

export async function startFleet({ carrier, dir, size, random, plan, settings }: FleetOptions): Promise<Fleet> {
  const slots: Slot[] = Array.from({ length: size }, () => ({ engine: null, point: null, frozen: false }));
  const kills: Kill[] = [];
  const killedFromOutside = new WeakSet<EngineProcess>();
  const traceFiles: string[] = [];
  let network = calm;
  let lives = 0;
  let isClosing = false;
  let configuring = Promise.resolve();
  let lastWords = "";

  const configure = (): Promise<void> => {
    configuring = configuring.then(() => {
      const { number, publicUrl } = settings(0);
      const backends = slots.flatMap(({ engine }) => (engine?.port ? [engine.port] : []));
      return carrier.setLine({ number, publicUrl, backends, network });
    });
    return configuring;
  };

  const live = async (slot: Slot, index: number): Promise<void> => {
    lives += 1;
    const plans = plan();
    const traceFile = join(dir, `engine-${lives}.jsonl`);
    traceFiles.push(traceFile);
    const starting = startEngine({ ...settings(index), plans, traceFile });
    slot.point = plans[0]?.point ?? null;
    const engine = await starting;
    slot.engine = engine;
    if (engine.port !== null) await configure();
    void engine.ended.then((end) => died(slot, index, engine, end));
  };

  const died = async (slot: Slot, index: number, engine: EngineProcess, end: Awaited<EngineProcess["ended"]>) => {
    if (isClosing) return;
    if (end.signal === null && end.code !== 0) lastWords = engine.output();
    const { point } = slot;
    const wasKilled = end.signal === "SIGKILL";
    const held = heldBy(readTrace(engine.traceFile));
    const restartedAt = Date.now();
    if (wasKilled)
      kills.push({ at: end.at, restartedAt, point: killedFromOutside.has(engine) ? null : point, ...held });
    await live(slot, index);
  };
  /** One of those that take requests now. */
  const one = (): { readonly slot: Slot; readonly engine: EngineProcess } | undefined => {
    const running = slots.flatMap((slot) => {
      const { engine, frozen } = slot;
      return engine?.isAlive && engine.port !== null && !frozen ? [{ slot, engine }] : [];
    });
    return running[Math.floor(random() * running.length)];
  };

  await Promise.all(slots.map(live));
  await configure();
  return {
    kills,
    get restarts() {
      return lives - size;
    },
    kill() {
      const engine = one()?.engine;
      if (engine === undefined) return false;
      killedFromOutside.add(engine);
      engine.signal("SIGKILL");
      return true;
    },
    async freeze(ms) {
      const chosen = one();
      if (chosen === undefined) return;
      const { slot, engine } = chosen;
      slot.frozen = true;
      engine.signal("SIGSTOP");
      await Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), engine.ended]);
      engine.signal("SIGCONT");
      slot.frozen = false;
    },
    async deploy() {
      const engine = one()?.engine;
      engine?.signal("SIGTERM");
      await engine?.ended;
    },
    async setNetwork(changed) {
      network = changed;
      await configure();
    },
    traces: () => traceFiles.flatMap((file) => readTrace(file)),
    output: () => lastWords,
    async [Symbol.asyncDispose]() {
      isClosing = true;
      for (const { engine } of slots) engine?.signal("SIGKILL");
      await Promise.all(slots.map(({ engine }) => engine?.ended));
    },
  };
}
