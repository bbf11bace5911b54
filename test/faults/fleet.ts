import { join } from "node:path";
import type { Plan, Point } from "./crash-points.ts";
import type { EngineSettings } from "./engine.ts";
import { calm, type Network } from "./network.ts";
import { type EngineProcess, type Provider, startEngine } from "./processes.ts";
import { heldBy, readTrace, type Trace } from "./trace.ts";

/**
 * The conversations that a process held when it was killed or frozen: with a turn at work, or with a text on its way to
 * the provider.
 */
export interface Hold {
  readonly at: number;
  readonly turns: ReadonlySet<string>;
  readonly sends: ReadonlySet<string>;
}

/** A process was killed, and another one replaced it. */
export interface Kill extends Hold {
  /** When the new process was started, and when it took requests. */
  readonly restartedAt: number;
  readonly readyAt: number;
  /**
   * The point at which the process killed itself, or at which it was held when it was killed; `null` for a random kill.
   */
  readonly point: string | null;
}

/** The processes that serve one number. A process that ends is replaced at once. */
export interface Fleet extends AsyncDisposable {
  /** Kills a process that has worked for a moment. Returns whether there was one. */
  kill(): boolean;
  /**
   * From now on each call waits at this point, in every process. Returns whether all processes took the order.
   */
  hold(point: Point): boolean;
  /** How many turns, or texts on their way to the provider, the processes hold. */
  held(what: "turns" | "sends"): number;
  /** Kills the process that holds the most. The others release what they hold. */
  killHolder(what: "turns" | "sends"): void;
  /** Freezes a process for a while, in the middle of its work. */
  freeze(ms: number): Promise<void>;
  /** Stops a process as a deploy does. */
  deploy(): Promise<void>;
  setNetwork(network: Network): Promise<void>;
  readonly kills: readonly Kill[];
  readonly freezes: readonly Hold[];
  readonly restarts: number;
  readonly traces: () => readonly Trace[];
  output(): string;
}

export interface FleetOptions {
  readonly provider: Provider;
  readonly dir: string;
  readonly size: number;
  readonly random: () => number;
  /** The fault that the next process plans for itself. */
  plan(): readonly Plan[];
  /** The seat of the process, 0 for the first one. */
  settings(seat: number): Omit<EngineSettings, "plans" | "traceFile">;
}

/** A first process that ends by itself would be replaced for ever. */
async function refuseBroken(engine: EngineProcess): Promise<void> {
  if ((await engine.ended).signal === null) throw new Error(`a process did not start:\n${engine.output()}`);
}

/** A process that is killed at its start reports nothing. */
const LEAST_LIFE_MS = 1000;

interface Seat {
  engine: EngineProcess | null;
  readyAt: number;
  point: string | null;
  frozen: boolean;
}

export async function startFleet({ provider, dir, size, random, plan, settings }: FleetOptions): Promise<Fleet> {
  const seats: Seat[] = Array.from({ length: size }, () => ({
    engine: null,
    readyAt: 0,
    point: null,
    frozen: false,
  }));
  const kills: Kill[] = [];
  const freezes: Hold[] = [];
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
      const backends = seats.flatMap(({ engine }) => (engine?.port ? [engine.port] : []));
      return provider.setLine({ number, publicUrl, backends, network });
    });
    return configuring;
  };

  const live = async (seat: Seat, index: number): Promise<void> => {
    lives += 1;
    const plans = plan();
    const traceFile = join(dir, `engine-${lives}.jsonl`);
    traceFiles.push(traceFile);
    const starting = startEngine({ ...settings(index), plans, traceFile });
    seat.point = plans[0]?.point ?? null;
    const engine = await starting;
    if (engine.port === null && lives <= size) await refuseBroken(engine);
    seat.engine = engine;
    seat.readyAt = Date.now();
    if (engine.port !== null) await configure();
    void engine.ended.then((end) => died(seat, index, engine, end));
  };

  const died = async (seat: Seat, index: number, engine: EngineProcess, end: Awaited<EngineProcess["ended"]>) => {
    if (isClosing) return;
    if (end.signal === null && end.code !== 0) lastWords = engine.output();
    const { point } = seat;
    const wasKilled = end.signal === "SIGKILL";
    const held = heldBy(readTrace(engine.traceFile));
    const restartedAt = Date.now();
    const where = killedFromOutside.has(engine) ? null : point;
    await live(seat, index);
    if (wasKilled) kills.push({ at: end.at, restartedAt, readyAt: seat.readyAt, point: where, ...held });
  };
  const running = (): { readonly seat: Seat; readonly engine: EngineProcess }[] =>
    seats.flatMap((seat) => {
      const { engine, frozen } = seat;
      return engine?.isAlive && engine.port !== null && !frozen ? [{ seat, engine }] : [];
    });
  /** One of the processes that take requests now. */
  const one = () => running()[Math.floor(random() * running().length)];
  const heldIn = (engine: EngineProcess, what: "turns" | "sends"): number =>
    heldBy(readTrace(engine.traceFile))[what].size;

  await Promise.all(seats.map(live));
  await configure();
  return {
    kills,
    freezes,
    get restarts() {
      return lives - size;
    },
    kill() {
      const chosen = one();
      if (chosen === undefined || Date.now() - chosen.seat.readyAt < LEAST_LIFE_MS) return false;
      const { engine } = chosen;
      killedFromOutside.add(engine);
      engine.signal("SIGKILL");
      return true;
    },
    hold(point) {
      const all = running();
      if (all.length < seats.length) return false;
      for (const { seat, engine } of all) {
        seat.point = point;
        engine.plan([{ deed: "hold", point, nth: 1 }]);
      }
      return true;
    },
    held: (what) => running().reduce((sum, { engine }) => sum + heldIn(engine, what), 0),
    killHolder(what) {
      const [holder, ...others] = running().toSorted((a, b) => heldIn(b.engine, what) - heldIn(a.engine, what));
      holder?.engine.signal("SIGKILL");
      for (const { seat, engine } of others) {
        seat.point = null;
        engine.plan([]);
      }
    },
    async freeze(ms) {
      const chosen = one();
      if (chosen === undefined) return;
      const { seat, engine } = chosen;
      seat.frozen = true;
      engine.signal("SIGSTOP");
      freezes.push({ at: Date.now(), ...heldBy(readTrace(engine.traceFile)) });
      await Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), engine.ended]);
      engine.signal("SIGCONT");
      seat.frozen = false;
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
      for (const { engine } of seats) engine?.signal("SIGKILL");
      await Promise.all(seats.map(({ engine }) => engine?.ended));
    },
  };
}
