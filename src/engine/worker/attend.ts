import { hookNow } from "../../hook.ts";
import type { EngineContext } from "../support/context.ts";
import { trouble } from "../support/problems.ts";
import type { Ringer } from "./ringer.ts";
import type { WaitUntil } from "./wait-until.ts";
import type { Worker } from "./worker.ts";

/**
 * Something was stored that must be worked on. A started worker knows it already. Else the runtime works on it after the
 * answer, or the process that hears the queue, or a cron elsewhere. Only the queue is waited for: a runtime may end with
 * its answer.
 */
export type Attend = (ctx: WaitUntil | undefined, dueInMs: number) => Promise<void>;

/** A serverless runtime gives about half a minute after the answer. */
const WAIT_UNTIL_MS = 25_000;
/** Long enough for a script to go on to `settled()`, or a service to `start()`. */
const PATIENCE_MS = 5000;

export function createAttend(
  { queue, reporter, logger }: Pick<EngineContext, "queue" | "reporter" | "logger">,
  { worker, ringer, worked }: { readonly worker: Worker; readonly ringer: Ringer; worked(): boolean },
): Attend {
  let warned = false;
  const warnIfNobodyWorks = () => {
    if (warned) return;
    warned = true;
    const timer: unknown = setTimeout(() => {
      if (worked()) return;
      logger.warn(
        "ownline stored a text, but nothing in this process works on it: call await sms.start() in a long-lived process, or sms.processDue() from a cron or queue. Ignore this if another process does.",
      );
    }, PATIENCE_MS);
    // A script that ends before then needs no warning, and must not be kept from ending.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") {
      timer.unref();
    }
  };

  return async (ctx, dueInMs) => {
    if (worker.started) return;
    const ringing = ringer.ring(dueInMs);
    if (ctx !== undefined) {
      const work = worker
        .drain({ withinMs: WAIT_UNTIL_MS, idle: false })
        .then((nextInMs) => ringer.ringAgain(nextInMs))
        .catch((error: unknown) => reporter.error(trouble(error)));
      try {
        hookNow("waitUntil", () => ctx.waitUntil(work));
      } catch (error) {
        // The text is stored already, and the work goes on for as long as the runtime lets it.
        reporter.error(trouble(error));
      }
    } else if (queue === null && !worked()) {
      warnIfNobodyWorks();
    }
    await ringing;
  };
}
