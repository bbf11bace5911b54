import { OwnlineError } from "../errors.ts";
import type { Ai, AiFunction } from "./ai.ts";
import { type CheckedAi, normalizeReply } from "./reply.ts";

/**
 * Makes a plain function, or any {@link Ai}, an AI whose replies are checked by {@link normalizeReply}.
 *
 * A function's name is `function`; an AI keeps its own. A function that throws at once rejects instead.
 *
 * @throws OwnlineError `invalid_options` when it is neither a function nor an object with a `reply` method.
 */
export function fromFunction(ai: AiFunction | Ai): CheckedAi {
  if (typeof ai === "function") {
    return { name: "function", reply: async (turn, context) => normalizeReply(await ai(turn, context)) };
  }
  if (typeof ai !== "object" || ai === null || typeof ai.reply !== "function") {
    throw new OwnlineError("invalid_options", "`ai` must be a function, or an object with a `reply` method.");
  }
  return { name: ai.name, reply: async (turn, context) => normalizeReply(await ai.reply(turn, context)) };
}
