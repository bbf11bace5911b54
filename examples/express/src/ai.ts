import type { Ai } from "ownline";
import { offline } from "ownline/ai/offline";
import { openAiCompatible } from "ownline/ai/openai-compatible";
import type { Config } from "./config.ts";

const INSTRUCTIONS =
  "You answer text messages. Be kind and brief: one text of at most 300 characters, plain words, no Markdown.";

export function createAi({ ai }: Config): Ai {
  if (ai.kind === "offline") return offline();
  const { apiKey, baseUrl, model } = ai;
  return openAiCompatible({ apiKey, baseUrl, model, instructions: INSTRUCTIONS });
}
