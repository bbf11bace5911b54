import { OwnlineError } from "../errors.ts";
import type { Media } from "../model/message.ts";
import type { Ai, AiContext, AiTurn } from "./ai.ts";

/** A checked reply, which the engine works with: a `Reply` in its long form. */
export type CheckedReply =
  /** `text` is not blank, unless there is media. */
  | { readonly kind: "text"; readonly text: string; readonly media: readonly Media[] }
  | { readonly kind: "silence" }
  /** `text`, where present, is not blank. */
  | { readonly kind: "hand-off"; readonly text?: string; readonly reason?: string };

/** An {@link Ai} whose replies were checked. */
export interface CheckedAi extends Ai {
  reply(turn: AiTurn, context: AiContext): Promise<CheckedReply>;
}

/**
 * Checks the value that an AI returned, and converts it to one form. It is idempotent.
 *
 * Only `{ kind: "silence" }` is silence. No value, or a blank text, is a mistake, because a person would wait for an
 * answer that never comes. A hand-off's blank `text` or `reason` counts as left out, so that the hand-off still takes
 * place.
 *
 * @throws OwnlineError `ai_failed`: retryable for a blank text, because another run may return a text; not retryable
 * for a value that is not a reply, because the function must be corrected.
 */
export function normalizeReply(reply: unknown): CheckedReply {
  if (typeof reply === "string") return textReply(reply, []);
  if (!isRecord(reply)) {
    throw noReply(
      `It returned ${reply === null ? "null" : typeof reply}. Return a text, or { kind: "silence" } for no answer.`,
    );
  }
  switch (reply.kind) {
    case "text": {
      if (typeof reply.text !== "string") throw noReply("The `text` of its reply is not a string.");
      return textReply(reply.text, checkedMedia(reply.media));
    }
    case "silence":
      return { kind: "silence" };
    case "hand-off": {
      const text = optionalText(reply.text, "text");
      const reason = optionalText(reply.reason, "reason");
      return { kind: "hand-off", ...(text !== null && { text }), ...(reason !== null && { reason }) };
    }
    default:
      throw noReply('The `kind` of its reply is not "text", "silence" or "hand-off".');
  }
}

function textReply(text: string, media: readonly Media[]): CheckedReply {
  if (text.trim() === "" && media.length === 0) {
    throw new OwnlineError(
      "ai_failed",
      'The AI returned an empty text. Return { kind: "silence" } where no answer is wanted.',
      { retryable: true },
    );
  }
  return { kind: "text", text, media };
}

function checkedMedia(media: unknown): readonly Media[] {
  if (media === undefined) return [];
  if (!Array.isArray(media)) throw noReply("The `media` of its reply is not a list.");
  return media.map((item: unknown) => {
    if (!isRecord(item) || typeof item.url !== "string" || typeof item.contentType !== "string") {
      throw noReply("Each of its `media` needs a `url` and a `contentType` (empty where unknown).");
    }
    if (!/^https?:/i.test(item.url) || !URL.canParse(item.url)) {
      throw noReply("The provider fetches `media` itself: each `url` must be a full http(s) address.");
    }
    return { url: item.url, contentType: item.contentType };
  });
}

function optionalText(value: unknown, name: string): string | null {
  if (value === undefined) return null;
  if (typeof value !== "string") throw noReply(`The \`${name}\` of its hand-off is not a string.`);
  return value.trim() === "" ? null : value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function noReply(what: string): OwnlineError {
  return new OwnlineError("ai_failed", `What the AI returned is not a reply. ${what}`);
}
