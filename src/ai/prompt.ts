import type { Media } from "../model/message.ts";
import type { HistoryEntry } from "./ai.ts";

/** One side's words in a row, ready for a model. */
export interface PromptEntry {
  readonly role: HistoryEntry["role"];
  /** May be empty only where `media` is not. */
  readonly text: string;
  /** What the caller keeps to hand over itself; everything else is described in `text`. */
  readonly media: readonly Media[];
}

/**
 * A turn's history as a model wants it: sides take turns, no entry is empty.
 *
 * Texts of one side in a row are joined by a line break: several chat templates of open models refuse two messages of
 * the same role in a row. Media that `keep` does not want becomes a line such as `[image/jpeg attached]`.
 */
export function toPrompt(
  history: readonly HistoryEntry[],
  keep: (media: Media, role: HistoryEntry["role"]) => boolean = () => false,
): PromptEntry[] {
  const entries: PromptEntry[] = [];
  for (const { role, text, media } of history) {
    const kept = media.filter((item) => keep(item, role));
    const described = media.filter((item) => !kept.includes(item)).map(describeMedia);
    const lines = text.trim() === "" ? described : [text, ...described];
    if (lines.length === 0 && kept.length === 0) lines.push("[empty message]");
    const last = entries.at(-1);
    if (last?.role === role) {
      const joined = [last.text, ...lines].filter((line) => line !== "").join("\n");
      entries[entries.length - 1] = { role, text: joined, media: [...last.media, ...kept] };
    } else {
      entries.push({ role, text: lines.join("\n"), media: kept });
    }
  }
  return entries;
}

/** A stand-in for media that a model does not get to see. A content type comes from outside: only a plain one is shown. */
export function describeMedia({ contentType }: Media): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(contentType) ? `[${contentType} attached]` : "[file attached]";
}
