import { OwnlineError } from "../errors.ts";
import type { Ai, AiFunction } from "./ai.ts";
import { type CheckedAi, normalizeReply } from "./reply.ts";

/**
 * Makes an AI from a plain function or from an {@link Ai}, and checks its replies with {@link normalizeReply}.
 *
 * The AI that is made of a function has the name `function`. Where the function throws, `reply` rejects.
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
