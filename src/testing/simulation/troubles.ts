import type { SimulatedProcess } from "./process.ts";
import { note, type World } from "./world.ts";

/** The processes that serve, and how a new one starts. */
export interface Fleet {
  /** The living processes, also the frozen ones. */
  readonly processes: readonly SimulatedProcess[];
  /** A random living process; `null` where there is none. */
  choose(): SimulatedProcess | null;
}

/** Calls that fail alone while all others work. Such failures have shown defects in engines. */
const DOWN = ["storage.commitTurn", "storage.releaseTurn", "storage.recordSend", "storage.claimSend", "storage.due"];

/** Plans faults of whole processes at random times. */
export function playTroubles(world: World, fleet: Fleet, untilMs: number): void {
  const { dice, timeline, trace, leaseMs } = world;
  const befall = (what: string, chance: number, strike: (process: SimulatedProcess) => void) => {
    for (let left = chance; left > 0; left -= 1) {
      if (!dice.chance(Math.min(left, 1))) continue;
      timeline.after(dice.between(0, untilMs), () => {
        const process = fleet.choose();
        if (process === null || world.calm) return false;
        trace.count("process", what);
        strike(process);
        return undefined;
      });
    }
  };
  befall("killed", 0.5, (process) => process.crash("killed"));
  befall("frozen", 0.5, (process) => process.freeze(dice.between(200, 2.5 * leaseMs)));
  befall("cut off", 0.6, (process) => {
    const ms = dice.between(200, 3 * leaseMs);
    process.cutOffUntilMs = timeline.now + ms;
    note(world, process.name, "is cut off from the ledger", `${ms} ms`);
  });
  befall("clock jumped", 0.2, (process) => process.jump(3_600_000));
  befall("one call down", 0.3, (process) => {
    const call = dice.pick(DOWN);
    process.down.set(call, timeline.now + dice.between(leaseMs, 2 * leaseMs));
    note(world, process.name, `${call} is down for it`);
  });
  befall("stopped", 0.3, (process) => {
    if (!process.stopping) stopPolitely(process, dice.between(0, 4000));
  });
  befall("all killed for long", 0.06, () => {
    const darkMs = dice.between(30_000, 300_000);
    for (const process of fleet.processes.slice()) process.crash("the whole data centre loses power", darkMs);
  });
}

/** A deploy: the process is asked to stop, and is removed after it has stopped. */
export function stopPolitely(process: SimulatedProcess, timeoutMs: number): void {
  process.stopping = true;
  note(process.world, process.name, "is asked to stop", `within ${timeoutMs} ms`);
  void process.sms.stop({ timeoutMs }).then(() => process.crash("has stopped"));
}
