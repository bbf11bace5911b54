import type { EngineClock } from "../options/clock.ts";
import type { WakeUp } from "./wake-ups.ts";

/**
 * Plans when a started worker looks into the ledger, and when it claims turns, by what this process knows. Only the
 * ledger decides what is due. The regular look finds what other processes have made due or have taken.
 */
export interface Agenda {
  /** How often an immediate look was requested. */
  readonly asked: number;
  /** Plans a look into the ledger after `ms`, unless a sooner look is planned. `null` plans nothing. */
  lookIn(ms: number | null): void;
  /**
   * Notes that a conversation's turn is due after `ms`. It replaces the time that was noted before. `null`: no turn is
   * due.
   */
  turnIn(conversationId: string, ms: number | null): void;
  /** Whether a look is due. */
  isLookDue(): boolean;
  /** Notes that a look begins, and plans the next regular look. */
  looking(): void;
  /** Notes when the next work is due, as a look has found; `null` for nothing. */
  looked(nextInMs: number | null): void;
  /** Removes the turns that are due now from the agenda. Returns how many. */
  takeTurns(): number;
  /** The milliseconds until the next look or turn is due. Above 0. */
  restMs(): number;
}

/** The shortest rest. */
const SHORTEST_MS = 1;

/** Makes an agenda. An entry that is sooner than the others notifies the loop, whose current wait may be too long. */
export function newAgenda(clock: EngineClock, wakeUp: Pick<WakeUp, "notify">, pollMs: number): Agenda {
  let asked = 0;
  let lookAt = Number.NEGATIVE_INFINITY;
  const turns = new Map<string, number>();
  /** No turn is due before this time. The first turn may be due later by now. */
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
