import { type Ai, OwnlineError } from "ownline";

/**
 * The method of the Workers AI binding that this file calls.
 *
 * @see https://developers.cloudflare.com/workers-ai/configuration/bindings/
 */
export interface WorkersAi {
  run(model: string, input: { readonly messages: readonly ChatMessage[] }): Promise<unknown>;
}

interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Answers with a text model of Workers AI. It needs no key, and Cloudflare bills the Worker's own account. */
export function workersAi(binding: WorkersAi, model: string, instructions: string): Ai {
  return {
    name: model,
    async reply({ history }) {
      const messages = history.map(({ role, text, media }): ChatMessage => {
        const pictures = media.map(({ contentType }) => `[${contentType || "attachment"} attached]`);
        return { role, content: [text, ...pictures].filter((line) => line !== "").join("\n") };
      });
      const answer = await binding.run(model, { messages: [{ role: "system", content: instructions }, ...messages] });
      const text: unknown =
        typeof answer === "object" && answer !== null && "response" in answer ? answer.response : undefined;
      if (typeof text === "string" && text.trim() !== "") return text;
      throw new OwnlineError(
        "ai_failed",
        "Workers AI answered without a text. Check that AI_MODEL is a text generation model of its catalogue.",
        { retryable: true },
      );
    },
  };
}
