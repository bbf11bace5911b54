import type { Media } from "../model/message.ts";
import { wellFormed } from "../model/well-formed.ts";
import type { AiTurn, HistoryEntry, TooLong } from "./ai.ts";

/** Consecutive messages of one side, joined for a model. */
export interface PromptEntry {
  readonly role: HistoryEntry["role"];
  /** May be empty only where `media` is not. */
  readonly text: string;
  /** The media that the caller passes to the model itself. All other media are described in `text`. */
  readonly media: readonly Media[];
}

/** A turn as every chat model takes it. */
export interface Prompt {
  /** The instructions, and what cannot be one of the messages; `null` where there is neither. */
  readonly system: string | null;
  /** At least one. The first is the person's, and the sides alternate. */
  readonly entries: readonly PromptEntry[];
}

/**
 * The mark before a colleague's text. The person cannot forge it, because it has a meaning only in the assistant's
 * messages.
 */
const COLLEAGUE = "[A colleague wrote:]";
/** The mark before the AI's own text that follows a colleague's text in the same entry. */
const YOURS = "[You wrote:]";
const COLLEAGUE_NOTE = `In the assistant's messages, a human colleague wrote what follows ${COLLEAGUE}; you wrote the rest. Never write such a mark yourself.`;
const OPENING_NOTE = "Before the messages below, our side wrote this to the person:";

/**
 * Makes a prompt that every model takes, of a turn's instructions and history. Many chat templates demand that the
 * person's message is the first and that the sides alternate. So messages of our side before the person's first message
 * go into the system text, and consecutive texts of one side are joined by a line break. No entry is empty. A
 * colleague's text is marked, because a model takes all text of its side for its own. Media for which `keep` is false
 * becomes a line such as `[image/jpeg attached]`.
 *
 * Where the history has no message of the person, the texts to answer are added to it.
 */
export function toPrompt(
  turn: Pick<AiTurn, "history" | "messages" | "tooLong">,
  instructions?: string,
  keep: (media: Media) => boolean = () => false,
): Prompt {
  const { history, messages } = turn;
  const asked = messages.map(
    ({ body: text, media, createdAt: at }): HistoryEntry => ({ role: "user", text, media, at }),
  );
  const all = history.some(({ role }) => role === "user") ? history : [...history, ...asked];
  const joined = joinedBySide(all, keep);
  const [first, ...rest] = joined;
  const opening = first?.role === "assistant" ? first.text : null;
  const system = [
    instructions ?? "",
    all.some(({ role, author }) => role === "assistant" && author === "operator") ? COLLEAGUE_NOTE : "",
    opening === null ? "" : `${OPENING_NOTE}\n${opening}`,
    turn.tooLong === undefined ? "" : shorterNote(turn.tooLong),
  ].filter((part) => part !== "");
  return {
    system: system.length === 0 ? null : system.join("\n\n"),
    entries: opening === null ? joined : rest,
  };
}

/**
 * How many characters of a too long answer the model sees again. They are enough to shorten it, and the whole text is
 * not paid for again.
 */
const MOST_SHOWN = 8000;

function shorterNote({ parts, maxParts, text }: TooLong): string {
  return `You have answered these messages already, and what you did for them is done, but your answer fills ${parts} SMS and at most ${maxParts} can be sent: write it anew, much shorter. Your answer began:\n${wellFormed(text.slice(0, MOST_SHOWN))}`;
}

function joinedBySide(history: readonly HistoryEntry[], keep: (media: Media) => boolean): PromptEntry[] {
  const entries: PromptEntry[] = [];
  let colleagueWroteLast = false;
  for (const { role, text, media, author } of history) {
    const kept = role === "user" ? media.filter(keep) : [];
    const described = media.filter((item) => !kept.includes(item)).map(describeMedia);
    const lines = text.trim() === "" ? described : [text, ...described];
    if (lines.length === 0 && kept.length === 0) lines.push("[empty message]");
    const last = entries.at(-1);
    const byColleague = role === "assistant" && author === "operator";
    if (byColleague) lines.unshift(COLLEAGUE);
    else if (last?.role === role && colleagueWroteLast) lines.unshift(YOURS);
    colleagueWroteLast = byColleague;
    if (last?.role === role) {
      const joined = [last.text, ...lines].filter((line) => line !== "").join("\n");
      entries[entries.length - 1] = { role, text: joined, media: [...last.media, ...kept] };
    } else {
      entries.push({ role, text: lines.join("\n"), media: kept });
    }
  }
  return entries;
}

/** A reply without the marks that a model may copy from its history. */
export function withoutMarks(reply: string): string {
  return reply.replaceAll(COLLEAGUE, "").replaceAll(YOURS, "").trim();
}

/**
 * The line that replaces media for a model. A stranger may have written the content type, so only a plain one is shown.
 */
export function describeMedia({ contentType }: Pick<Media, "contentType">): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(contentType) ? `[${contentType} attached]` : "[file attached]";
}
