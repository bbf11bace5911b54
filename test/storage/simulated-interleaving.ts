import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { diceOf } from "../../src/testing/simulation/dice.ts";
import type { SimulationClock } from "../../src/testing/simulation/simulated-time.ts";
import { type InterleavingCounts, interleavingMemory } from "./interleaving-memory.ts";

const PROCESSES = 3;
/** Virtual milliseconds between the load of a decision and its write. */
const USUAL_PAUSE_MS = 8;
const LONG_PAUSE_MS = 400;
/** The simulation lets calls fail and answers get lost by itself, as long as anything may fail. */
const RATES = { failing: 0, losing: 0 };

export interface SimulatedInterleaving {
  readonly storage: Storage;
  readonly counts: InterleavingCounts;
  /** Where the replay oracle does not agree. */
  faults(): readonly string[];
}

/** The interleaving memory in the simulation's time: each call takes one of several processes. */
export function simulatedInterleaving(clock: SimulationClock): SimulatedInterleaving {
  // The simulation's `crypto` follows from its seed.
  const seed = crypto.getRandomValues(new Uint8Array(4)).reduce((sum, byte) => sum * 256 + byte, 0);
  const dice = diceOf(seed);
  const { database, oracle, counts } = interleavingMemory({
    clock,
    // A decision bears the time of its write: the simulation's judge knows no other.
    begin() {
      const ms = dice.chance(0.03) ? dice.between(0, LONG_PAUSE_MS) : dice.between(0, USUAL_PAUSE_MS);
      return { now: clock.now() + ms, pause: () => clock.sleep(ms) };
    },
    chance: (probability) => dice.chance(probability),
    ...RATES,
  });
  const processes = Array.from({ length: PROCESSES }, () => ledgerOver(database));
  const [first] = processes;
  if (first === undefined) throw new TypeError("The ledger is of no process.");
  const storage = new Proxy(first, { get: (_, name) => Reflect.get(dice.pick(processes), name) });
  return { storage, counts, faults: () => oracle.faults.map(({ kind, calls }) => `${kind}: ${calls.join(", ")}`) };
}
