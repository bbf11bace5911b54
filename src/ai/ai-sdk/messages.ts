import type { FilePart, ModelMessage, TextPart } from "ai";
import type { Media } from "../../model/message.ts";
import type { AiTurn } from "../ai.ts";
import { describeMedia, toPrompt } from "../prompt.ts";

/**
 * Fetches a picture with the credentials that its URL needs. Where it returns `null`, throws, or does not answer within
 * 10 s, the picture is described instead.
 */
export type FetchMedia = (media: Media, signal: AbortSignal) => Promise<Uint8Array | null>;

/** The conversation as the SDK takes it. */
export interface SdkPrompt {
  readonly system: string | null;
  readonly messages: ModelMessage[];
  /** The URLs of the pictures that the model sees. */
  readonly shown: readonly string[];
}

const FETCH_MS = 10_000;

/** Makes the prompt. Pictures whose URL is in `refused` are described. */
export async function promptOf(
  turn: AiTurn,
  instructions: string | undefined,
  how: "describe" | "link" | FetchMedia,
  refused: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<SdkPrompt> {
  const shows = ({ url, contentType }: Media) =>
    how !== "describe" && /^image\//i.test(contentType) && !refused.has(url);
  const { system, entries } = toPrompt(turn, instructions, shows);
  const shown: string[] = [];
  const messages = await Promise.all(
    entries.map(async ({ role, text, media }): Promise<ModelMessage> => {
      if (role === "assistant") return { role, content: text };
      if (media.length === 0) return { role, content: text };
      const pictures = await Promise.all(
        media.map(async (item) => {
          const part = await pictureOf(item, how, signal);
          if (part.type === "file") shown.push(item.url);
          return part;
        }),
      );
      const words: TextPart[] = text === "" ? [] : [{ type: "text", text }];
      return { role, content: [...words, ...pictures] };
    }),
  );
  return { system, messages, shown };
}

async function pictureOf(
  media: Media,
  how: "describe" | "link" | FetchMedia,
  signal: AbortSignal,
): Promise<FilePart | TextPart> {
  const mediaType = media.contentType.toLowerCase();
  if (typeof how !== "function") {
    return URL.canParse(media.url) ? { type: "file", mediaType, data: new URL(media.url) } : described(media);
  }
  const data = await fetched(media, how, signal);
  return data === null || data.byteLength === 0 ? described(media) : { type: "file", mediaType, data };
}

function described(media: Media): TextPart {
  return { type: "text", text: describeMedia(media) };
}

/**
 * Fetches a picture; `null` where that fails. A picture that cannot be fetched must not prevent answers while it is in
 * the history.
 */
async function fetched(media: Media, fetchMedia: FetchMedia, signal: AbortSignal): Promise<Uint8Array | null> {
  const call = new AbortController();
  const passOn = () => call.abort(signal.reason);
  signal.addEventListener("abort", passOn, { once: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      resolve(null);
      call.abort(new DOMException("The picture took too long", "TimeoutError"));
    }, FETCH_MS);
  });
  try {
    return await Promise.race([fetchMedia(media, call.signal), late]);
  } catch {
    // The model then reads that a picture was sent, and can say that it did not see it.
    signal.throwIfAborted();
    return null;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", passOn);
  }
}
