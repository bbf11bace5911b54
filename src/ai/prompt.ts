import type { Media } from "../model/message.ts";
import { wellFormed } from "../model/well-formed.ts";
import type { AiTurn, HistoryEntry, TooLong } from "./ai.ts";

/** One side's words in a row, ready for a model. */
export interface PromptEntry {
  readonly role: HistoryEntry["role"];
  /** May be empty only where `media` is not. */
  readonly text: string;
  /** What the caller keeps to hand over itself; everything else is described in `text`. */
  readonly media: readonly Media[];
}

/** A turn as every chat model takes it. */
export interface Prompt {
  /** The instructions, and what cannot stand among the messages; `null` where there is neither. */
  readonly system: string | null;
  /** At least one. The first is the person's, and sides take turns. */
  readonly entries: readonly PromptEntry[];
}

/** Stands before what a colleague wrote. The person cannot forge it: it counts on our side alone. */
const COLLEAGUE = "[A colleague wrote:]";
/** Ends a colleague's words where the AI's own follow in the same entry. */
const YOURS = "[You wrote:]";
const COLLEAGUE_NOTE = `In the assistant's messages, a human colleague wrote what follows ${COLLEAGUE}; you wrote the rest. Never write such a mark yourself.`;
const OPENING_NOTE = "Before the messages below, our side wrote this to the person:";

/**
 * A turn's instructions and history as every model takes them: many chat templates demand that the person's message is
 * the first and that sides take turns. What our side wrote before that goes into the system text; texts of one side in
 * a row are joined by a line break; no entry is empty. A colleague's words are marked, since a model takes what stands
 * on its side for its own. Media that `keep` does not want becomes a line such as `[image/jpeg attached]`.
 *
 * A history without any message of the person's is followed by the texts to answer.
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

/** How much of a too long answer the model sees again: enough to shorten it, and no second bill for all of it. */
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

/** A stand-in for media that a model does not get to see. A content type comes from outside: only a plain one is shown. */
export function describeMedia({ contentType }: Pick<Media, "contentType">): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(contentType) ? `[${contentType} attached]` : "[file attached]";
}
