import { setTimeout as wait } from "node:timers/promises";
import type { Ai } from "../../src/ai/ai.ts";

/*
 * What people text, and what the scripted AI makes of it. A text is "#7 slow please": its number, by which an answer is
 * traced to it, and the manner in which the AI is to work. An answer is "re: 7,8 w1 w2 … done": the texts that it
 * answers, and counted words, by which a part that is missing, doubled or misplaced shows.
 */

export const manners = [
  "fast",
  "slow",
  /** A reply of several parts. */
  "long",
  /** The first run throws. */
  "fails",
  /** The first run never returns, also where its signal is aborted. */
  "hangs",
  /** Every run throws: the fallback text goes out, once. */
  "never",
] as const;

export type Manner = (typeof manners)[number];

export const FALLBACK = "fallback";
const LONG_WORDS = 80;

export function textOf(tag: number, manner: Manner): string {
  return `#${tag} ${manner} please`;
}

/** The number and the manner of a text; `null` for STOP and the like. */
export function readText(body: string): { readonly tag: number; readonly manner: Manner } | null {
  const [, tag, word] = /^#(\d+) (\w+)/.exec(body) ?? [];
  const manner = manners.find((one) => one === word);
  return tag === undefined || manner === undefined ? null : { tag: Number(tag), manner };
}

/** What a text of ours is: the beginning of an answer, more of it, or neither. */
export interface ReadReply {
  /** Of the first part only. */
  readonly answers: readonly number[] | null;
  readonly words: readonly number[];
  readonly isEnd: boolean;
}

export function readReply(body: string): ReadReply {
  const [, tags] = /^re: ([\d,]+)/.exec(body) ?? [];
  return {
    answers: tags === undefined ? null : tags.split(",").map(Number),
    words: [...body.matchAll(/\bw(\d+)\b/g)].map(([, word]) => Number(word)),
    isEnd: /\bdone$/.test(body.trim()),
  };
}

export function scriptedAi({ fastMs, slowMs }: { readonly fastMs: number; readonly slowMs: number }): Ai {
  return {
    name: "script",
    async reply({ messages, run }, { signal }) {
      const texts = messages.flatMap(({ body }) => readText(body) ?? []);
      const has = (manner: Manner): boolean => texts.some((text) => text.manner === manner);
      if (has("never") || (has("fails") && run === 1)) throw new Error("the script says so");
      if (has("hangs") && run === 1) return new Promise<never>(() => {});
      await wait(has("slow") ? slowMs : fastMs, undefined, { signal });
      const words = Array.from({ length: has("long") ? LONG_WORDS : 1 }, (_, index) => `w${index + 1}`);
      return `re: ${texts.map(({ tag }) => tag).join(",")} ${words.join(" ")} done`;
    },
  };
}
