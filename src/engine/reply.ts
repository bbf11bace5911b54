import { OwnlineError } from "../errors.ts";
import type { TurnOutcome } from "../model/conversation.ts";
import type { Media } from "../model/message.ts";

/** What an AI decided, read from whatever it returned. */
export interface ReadReply {
  readonly outcome: Exclude<TurnOutcome, "cancelled" | "fallback">;
  readonly text: string;
  readonly media: readonly Media[];
  readonly reason: string | null;
}

/**
 * Reads what an AI returned, trusting nothing about it.
 *
 * @throws OwnlineError `ai_failed`
 */
export function readReply(name: string, reply: unknown): ReadReply {
  if (typeof reply === "string") return { outcome: "replied", text: reply, media: [], reason: null };
  if (typeof reply === "object" && reply !== null && "kind" in reply) {
    const text = "text" in reply && typeof reply.text === "string" ? reply.text : "";
    const reason = "reason" in reply && typeof reply.reason === "string" ? reply.reason : null;
    const media = "media" in reply && Array.isArray(reply.media) ? reply.media.map((item) => mediaOf(name, item)) : [];
    if (reply.kind === "text") return { outcome: "replied", text, media, reason };
    if (reply.kind === "silence") return { outcome: "silent", text: "", media: [], reason };
    if (reply.kind === "hand-off") return { outcome: "handed-off", text, media: [], reason };
  }
  throw new OwnlineError(
    "ai_failed",
    `the AI (${name}) returned neither a text nor a reply: return a string, or { kind: "text" | "silence" | "hand-off" }; to say nothing on purpose, return { kind: "silence" }`,
    { retryable: true },
  );
}

function mediaOf(name: string, item: unknown): Media {
  if (typeof item === "object" && item !== null && "url" in item && typeof item.url === "string") {
    return {
      url: item.url,
      contentType: "contentType" in item && typeof item.contentType === "string" ? item.contentType : "",
    };
  }
  throw new OwnlineError("ai_failed", `the AI (${name}) returned media without a url: give { url, contentType }`);
}

/** An AI that says nothing without saying so has failed. */
export function emptyReply(name: string): OwnlineError {
  return new OwnlineError(
    "ai_failed",
    `the AI (${name}) returned an empty text: to say nothing on purpose, return { kind: "silence" }`,
    { retryable: true },
  );
}
