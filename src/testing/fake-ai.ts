import type { Ai, AiContext, AiFunction, AiTurn, Reply } from "../ai/ai.ts";
import { OwnlineError } from "../errors.ts";

/**
 * What one call of a {@link FakeAi} does: reply, throw the error, call the function, or wait until it is aborted.
 */
export type FakeAiStep = Reply | Error | AiFunction | { readonly kind: "hang" };

/** One call: what it was asked, and how it has ended so far. */
export interface FakeAiCall {
  readonly turn: AiTurn;
  readonly context: AiContext;
  readonly outcome: "running" | "replied" | "failed" | "aborted";
}

/** Holds one call between its beginning and its end, for tests of races. */
export interface HeldAiCall {
  /** Resolves when the call begins. */
  readonly reached: Promise<FakeAiCall>;
  /** Lets the call end. May be called before the call begins. */
  release(): void;
}

export interface FakeAiHoldOptions {
  /**
   * `reject`: an abort ends the held call at once with the signal's reason, as a good AI does. `ignore`: the call stays
   * held and replies late, like a model that ignores the signal.
   *
   * @default "reject"
   */
  readonly onAbort?: "reject" | "ignore";
}

/** An AI under a test's control. */
export interface FakeAi extends Ai {
  /** Every call, in the order in which the calls began. */
  readonly calls: readonly FakeAiCall[];
  /** How many calls were ended by their signal. */
  readonly aborted: number;
  /** Adds steps after those that are left. */
  push(...steps: readonly FakeAiStep[]): void;
  /** Adds a step that is held until it is released. Without a step, it ends as an unscripted call does. */
  hold(step?: FakeAiStep, options?: FakeAiHoldOptions): HeldAiCall;
}

/**
 * Makes an AI that replies by a script, one step for each call, and records every call.
 *
 * Without a script it replies `Reply 1`, `Reply 2` and so on, by the number of the call; pushed steps come first. With
 * a script, a call after the last step fails (not retryable), so that a test notices an unexpected call. A call whose
 * signal is already aborted uses up its step, and rejects with the signal's reason.
 *
 * @example
 * ```ts
 * import { fakeAi } from "ownline/testing";
 *
 * const ai = fakeAi(["For how many?", new Error("the model is down"), { kind: "silence" }]);
 * const held = ai.hold("Booked.");
 * // … a text comes in, and the AI is asked for the fourth time:
 * // const { context } = await held.reached;
 * // … a newer text comes in: context.signal is aborted, and ai.aborted is 1.
 * held.release();
 * ```
 */
export function fakeAi(script?: readonly FakeAiStep[]): FakeAi {
  const steps: Held[] = (script ?? []).map((step) => ({ step }));
  const calls: FakeAiCall[] = [];

  const unscripted = (number: number): FakeAiStep =>
    script === undefined
      ? `Reply ${number}`
      : new OwnlineError("ai_failed", "fakeAi() was called more often than its script has steps: push() another.");

  return {
    name: "fake",
    calls,
    get aborted() {
      return calls.filter(({ outcome }) => outcome === "aborted").length;
    },
    push(...more) {
      steps.push(...more.map((step) => ({ step })));
    },
    hold(step, { onAbort = "reject" } = {}) {
      const begun = deferred<FakeAiCall>();
      const released = deferred<void>();
      steps.push({ step, onAbort, reach: begun.resolve, released: released.promise });
      return { reached: begun.promise, release: released.resolve };
    },
    async reply(turn, context): Promise<Reply> {
      const { signal } = context;
      const call: Writable<FakeAiCall> = { turn, context, outcome: "running" };
      const number = calls.push(call);
      const { step, released, reach, onAbort } = steps.shift() ?? {};
      reach?.(call);
      try {
        if (onAbort === "ignore") await released;
        else if (signal.aborted) throw signal.reason;
        else if (released !== undefined) await Promise.race([released, aborted(signal)]);
        const reply = await play(step ?? unscripted(number), turn, context);
        call.outcome = "replied";
        return reply;
      } catch (error) {
        call.outcome = signal.aborted && error === signal.reason ? "aborted" : "failed";
        throw error;
      }
    },
  };
}

interface Held {
  readonly step?: FakeAiStep | undefined;
  readonly onAbort?: FakeAiHoldOptions["onAbort"];
  readonly released?: Promise<void>;
  readonly reach?: (call: FakeAiCall) => void;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

async function play(step: FakeAiStep, turn: AiTurn, context: AiContext): Promise<Reply> {
  if (step instanceof Error) throw step;
  if (typeof step === "function") return await step(turn, context);
  if (typeof step === "string" || step.kind !== "hang") return step;
  return await aborted(context.signal);
}

/** Never resolves. Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  const settle: { resolve?: (value: T) => void } = {};
  const promise = new Promise<T>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: (value) => settle.resolve?.(value) };
}
