import { isOwnlineError } from "../../errors.ts";
import type { StatusCallback } from "../../transport/transport.ts";
import type { SimulatedProcess } from "./process.ts";
import type { SimulatedProvider } from "./provider.ts";
import { note, observe, type World } from "./world.ts";

/** How long a caller waits for an answer. After that the call counts as lost. */
const PATIENCE_MS = 15_000;

/**
 * The callers from outside: the provider's webhooks, the app, an operator. Each repeats its call until it is answered.
 */
export interface Callers {
  /** How many calls are not answered yet, planned calls included. */
  readonly waiting: number;
  /** Plans, after a while, an action that makes calls. */
  later(afterMs: number, act: () => void): void;
  /** Repeats a call until `action` says that it is done. A rejection leads to a repetition. */
  call(what: string, action: (process: SimulatedProcess) => Promise<string>): void;
  /** Posts a webhook until it is answered 200, sometimes once more, or to two processes at once. */
  bring(key: string, webhook: () => Request): void;
  /** Posts a status callback. The provider gives up after a few attempts. */
  bringCallback(provider: SimulatedProvider, callback: StatusCallback, afterMs: number): void;
}

export function callersOf(world: World, choose: () => SimulatedProcess | null): Callers {
  const { dice, timeline, trace } = world;
  let waiting = 0;

  /** One call to one process. `ended` gets the result, or learns that no process answered. */
  function attempt(
    what: string,
    action: (process: SimulatedProcess) => Promise<string>,
    ended: (outcome: string | null) => void,
  ): void {
    const process = choose();
    if (process === null) {
      ended(null);
      return;
    }
    let open = true;
    const end = (outcome: string | null) => {
      if (!open) return false;
      open = false;
      note(world, process.name, what, outcome ?? "no answer");
      ended(outcome);
      return undefined;
    };
    trace.count(what, "calls");
    const answered = (outcome: string | null) => {
      if (!process.alive) return;
      if (!world.calm && dice.chance(0.03)) trace.count(what, "answer lost");
      else timeline.after(dice.between(0, 5), () => end(outcome));
    };
    timeline.after(PATIENCE_MS, () => end(null));
    action(process).then(answered, (error: unknown) => {
      answered(isOwnlineError(error) && !error.retryable ? `refused: ${error.code}` : null);
    });
  }

  function again(what: string, action: (process: SimulatedProcess) => Promise<string>): void {
    attempt(what, action, (outcome) => {
      if (outcome !== null) waiting -= 1;
      else timeline.after(dice.between(200, 5000), () => again(what, action));
    });
  }

  function call(what: string, action: (process: SimulatedProcess) => Promise<string>): void {
    waiting += 1;
    again(what, action);
  }

  /** One request. A 200 is a promise, even if the provider does not receive it. */
  const post = (key: string | null, webhook: () => Request) => async (process: SimulatedProcess) => {
    const { status } = await process.sms.fetch(webhook());
    if (status !== 200) throw new TypeError(`answered ${status}`);
    if (key !== null && process.alive) observe(world, { kind: "acknowledged", key });
    return "200";
  };

  return {
    get waiting() {
      return waiting;
    },
    later(afterMs, act) {
      waiting += 1;
      timeline.after(afterMs, () => {
        waiting -= 1;
        act();
      });
    },
    call,
    bring(key, webhook) {
      const what = "webhook.text";
      call(what, post(key, webhook));
      const repeated = world.calm ? 1 : dice.next();
      if (repeated < 0.08) {
        trace.count(what, "twice");
        this.later(dice.between(100, 20_000), () => call(what, post(key, webhook)));
      } else if (repeated < 0.14) {
        trace.count(what, "both at once");
        call(what, post(key, webhook));
      }
    },
    bringCallback(provider, callback, afterMs) {
      waiting += 1;
      const action = post(null, () => provider.report(callback));
      const tryAgain = (left: number) => {
        attempt("webhook.status", action, (outcome) => {
          if (outcome !== null || left === 0) waiting -= 1;
          else timeline.after(dice.between(200, 3000), () => tryAgain(left - 1));
        });
      };
      timeline.after(afterMs, () => tryAgain(world.calm ? 50 : 3));
    },
  };
}
