import { OwnlineError } from "../errors.ts";
import type { Ai, AiFunction } from "./ai.ts";
import { type CheckedAi, normalizeReply } from "./reply.ts";

/**
 * Makes an AI whose replies {@link normalizeReply} has checked, from a plain function or any {@link Ai}.
 *
 * The name of a function is `function`; an AI keeps its own name. Where a function throws, `reply` rejects.
 *
 * @throws OwnlineError `invalid_options` when `ai` is not a function, and not an object with a `reply` method.
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
