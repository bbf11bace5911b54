import type { AiTurn } from "../../ai/ai.ts";
import type { CheckedAi, CheckedReply } from "../../ai/reply.ts";
import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { kindOfThrown } from "../../thrown.ts";
import type { EngineClock } from "../options/clock.ts";
import { abortQuietly } from "../support/abort.ts";

/** How a call of the AI ended. */
export type Asked =
  | { readonly kind: "answered"; readonly reply: CheckedReply }
  /** The run was given up: for a newer text, or because the service stops or lost the lease. */
  | { readonly kind: "given-up" }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Asks the AI, with a copy of the turn and a time limit. Does not ask the AI where the run was already given up.
 * Returns as soon as the run is given up, even if the AI ignores its signal. A later answer of the AI is ignored.
 */
export async function ask(
  ai: CheckedAi,
  turn: AiTurn,
  options: {
    readonly clock: EngineClock;
    readonly timeoutMs: number;
    readonly giveUp: AbortSignal;
    toolStarted(): void;
  },
): Promise<Asked> {
  const { clock, timeoutMs, giveUp, toolStarted } = options;
  // An AI that ignores its signal would begin to work, and would call its tools.
  if (giveUp.aborted) return { kind: "given-up" };
  // One controller instead of AbortSignal.any(): Node never frees a joined signal that has a listener. It would keep
  // everything that the listener refers to, which includes the whole history.
  const call = new AbortController();
  const { signal } = call;
  const passOn = () => call.abort(giveUp.reason);
  giveUp.addEventListener("abort", passOn, { once: true });
  const over = new AbortController();
  const timer = clock.sleep(timeoutMs, { signal: over.signal }).then(() => {
    if (!over.signal.aborted) {
      call.abort(
        new OwnlineError(
          "ai_timeout",
          `the AI (${ai.name}) did not answer within ${timeoutMs} ms: make it faster, or raise answer.timeoutMs`,
          { retryable: true },
        ),
      );
    }
  });
  const aborted = new Promise<Asked>((resolve) => {
    const ended = () => resolve(giveUp.aborted ? { kind: "given-up" } : { kind: "failed", error: signal.reason });
    signal.addEventListener("abort", ended, { once: true });
  });
  const answered = (async (): Promise<Asked> => {
    try {
      return { kind: "answered", reply: await ai.reply(structuredClone(turn), { signal, toolStarted }) };
    } catch (error) {
      return { kind: "failed", error };
    }
  })();
  try {
    const asked = await Promise.race([aborted, answered]);
    return asked.kind === "failed" && giveUp.aborted ? { kind: "given-up" } : asked;
  } finally {
    giveUp.removeEventListener("abort", passOn);
    abortQuietly(over);
    await timer;
  }
}

/** The error of an AI that failed, by its name. */
export function asAiError(name: string, cause: unknown): OwnlineError {
  if (isOwnlineError(cause)) return cause;
  return new OwnlineError("ai_failed", `the AI (${name}) failed: ${kindOfThrown(cause)}; see the cause`, {
    cause,
    retryable: true,
  });
}
