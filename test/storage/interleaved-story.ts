import { isDeepStrictEqual } from "node:util";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { type Dice, diceOf } from "../../src/testing/simulation/dice.ts";
import { type Call, comparable, isKept, learn, outcomeOf, Story } from "./agreement.ts";
import { type InterleavingMemory, interleavingMemory } from "./interleaving-memory.ts";
import { persistent } from "./persistent.ts";

/** Turns of the event loop in which other calls run, at most. */
const LONGEST_PAUSE = 3;
const RATES = { failing: 0.04, losing: 0.04 };
const CALLERS = 6;
const CALLS_EACH = 40;

export interface SharedLedger {
  readonly clock: ManualClock;
  readonly memory: InterleavingMemory;
  /** The ledger as one process has it. */
  open(): Storage;
}

/** A ledger in memory that several processes share. */
export function sharedLedger(dice: Dice, rates: Pick<typeof RATES, "failing" | "losing"> = RATES): SharedLedger {
  const clock = manualClock();
  const memory = interleavingMemory({
    clock,
    begin: () => ({
      now: clock.now(),
      async pause() {
        for (let turn = dice.between(0, LONGEST_PAUSE); turn > 0; turn -= 1) await turnOfEvents();
      },
    }),
    chance: (probability) => dice.chance(probability),
    ...rates,
  });
  return { clock, memory, open: () => persistent(ledgerOver(memory.database)) };
}

function turnOfEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Played extends Pick<InterleavingMemory, "oracle" | "counts"> {
  readonly calls: number;
  readonly reached: ReadonlySet<string>;
  /** Answers to one call that differ. */
  readonly unlike: readonly unknown[];
}

/** Plays one made-up story with several callers at once, over three processes: the same seed, the same story. */
export async function playTogether(seed: number): Promise<Played> {
  const dice = diceOf(seed);
  const story = new Story(seed);
  const { clock, memory, open } = sharedLedger(dice);
  const processes = [open(), open(), open()];
  const reached = new Set<string>();
  const unlike: unknown[] = [];
  let calls = 0;

  /** One call; now and then it arrives twice, at once or after the other. */
  async function make(call: Call): Promise<unknown> {
    calls += 1;
    if (!dice.chance(0.15)) return call(dice.pick(processes));
    const first = call(dice.pick(processes));
    if (dice.chance(0.5)) await first;
    const [answer, again] = await Promise.all([first, call(dice.pick(processes))]);
    const isSame = isDeepStrictEqual(comparable(again), comparable(answer));
    // What is recorded under a key has no call id of its own in these stories.
    const isByKey = /record(In|Out)bound/.test(String(call));
    if (isKept(answer) && isKept(again) && !isSame && !isByKey) unlike.push({ call: String(call), answer, again });
    return answer;
  }

  async function caller(): Promise<void> {
    for (let count = 0; count < CALLS_EACH; count += 1) {
      if (dice.chance(0.2)) await clock.advance(dice.between(0, 15_000));
      const answer = await make(story.next());
      learn(story, answer);
      reached.add(outcomeOf(answer));
    }
  }

  await Promise.all(Array.from({ length: CALLERS }, caller));
  return { ...memory, calls, reached, unlike };
}
