import type { EngineClock } from "../options/clock.ts";
import type { WakeUp } from "./wake-ups.ts";

/**
 * When a started worker looks into the ledger, and when it claims turns: by what this process knows. The ledger alone is
 * right. What another process made due, or took, the regular look finds.
 */
export interface Agenda {
  /** How often a look at once was asked for. */
  readonly asked: number;
  /** The worker looks into the ledger then, if not sooner. `null`: there is nothing to look for. */
  lookIn(ms: number | null): void;
  /** A conversation's turn is due then, and no longer when it was last said to be. `null`: none is due. */
  turnIn(conversationId: string, ms: number | null): void;
  /** Whether it is time to look. */
  isLookDue(): boolean;
  /** A look begins: the next regular one is planned. */
  looking(): void;
  /** A look has found when the next thing is due; `null` for nothing. */
  looked(nextInMs: number | null): void;
  /** How many conversations have a turn that is due now. They leave the agenda. */
  takeTurns(): number;
  /** How long nothing of this is due. Above 0. */
  restMs(): number;
}

/** The shortest rest. */
const SHORTEST_MS = 1;

/** An entry that is sooner than the others notifies the loop: its wait may be too long now. */
export function newAgenda(clock: EngineClock, wakeUp: Pick<WakeUp, "notify">, pollMs: number): Agenda {
  let asked = 0;
  let lookAt = Number.NEGATIVE_INFINITY;
  const turns = new Map<string, number>();
  /** No turn is due before. It may have moved on since. */
  let turnsFrom = Number.POSITIVE_INFINITY;

  return {
    get asked() {
      return asked;
    },
    lookIn(ms) {
      if (ms === null) return;
      const at = clock.now() + ms;
      if (ms <= 0) asked += 1;
      else if (at >= lookAt) return;
      lookAt = Math.min(lookAt, at);
      wakeUp.notify();
    },
    turnIn(conversationId, ms) {
      if (ms === null) {
        turns.delete(conversationId);
        return;
      }
      const at = clock.now() + ms;
      turns.set(conversationId, at);
      if (at >= turnsFrom) return;
      turnsFrom = at;
      wakeUp.notify();
    },
    isLookDue: () => lookAt <= clock.now(),
    looking() {
      lookAt = clock.now() + pollMs;
    },
    looked(nextInMs) {
      if (nextInMs !== null) lookAt = Math.min(lookAt, clock.now() + nextInMs);
    },
    takeTurns() {
      const now = clock.now();
      if (turnsFrom > now) return 0;
      let due = 0;
      turnsFrom = Number.POSITIVE_INFINITY;
      for (const [conversationId, at] of turns) {
        if (at > now) {
          turnsFrom = Math.min(turnsFrom, at);
          continue;
        }
        turns.delete(conversationId);
        due += 1;
      }
      return due;
    },
    restMs() {
      return Math.max(SHORTEST_MS, Math.min(lookAt, turnsFrom) - clock.now());
    },
  };
}
