import type { FilePart, ModelMessage, TextPart } from "ai";
import type { Media } from "../model/message.ts";
import type { AiTurn } from "./ai.ts";
import { describeMedia, toPrompt } from "./prompt.ts";

/** Fetches a picture with the credentials that its address wants. `null`: describe it instead. */
export type FetchMedia = (media: Media, signal: AbortSignal) => Promise<Uint8Array | null>;

/** The conversation as the SDK wants it. */
export async function messagesOf(
  turn: AiTurn,
  media: "describe" | "link" | FetchMedia,
  signal: AbortSignal,
): Promise<ModelMessage[]> {
  const shows = (item: Media, role: string) =>
    media !== "describe" && role === "user" && /^image\//i.test(item.contentType);
  return await Promise.all(
    toPrompt(turn.history, shows).map(async (entry): Promise<ModelMessage> => {
      if (entry.role === "assistant") return { role: "assistant", content: entry.text };
      if (entry.media.length === 0) return { role: "user", content: entry.text };
      const pictures = await Promise.all(entry.media.map((item) => pictureOf(item, media, signal)));
      const text: TextPart[] = entry.text === "" ? [] : [{ type: "text", text: entry.text }];
      return { role: "user", content: [...text, ...pictures] };
    }),
  );
}

async function pictureOf(
  media: Media,
  how: "describe" | "link" | FetchMedia,
  signal: AbortSignal,
): Promise<FilePart | TextPart> {
  const mediaType = media.contentType.toLowerCase();
  if (typeof how !== "function") return { type: "file", mediaType, data: new URL(media.url) };
  const data = await how(media, signal);
  return data === null ? { type: "text", text: describeMedia(media) } : { type: "file", mediaType, data };
}
