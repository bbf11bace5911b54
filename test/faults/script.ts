import { setTimeout as wait } from "node:timers/promises";
import type { Ai } from "../../src/ai/ai.ts";

/*
 * What people text, and how the scripted AI answers. A text is "#7 slow please": its number, by which its answer is
 * found, and the manner in which the AI works. An answer is "re: 7,8 w1 w2 … done": the texts that it answers, and
 * counted words. They show a part that is missing, doubled or in a wrong place.
 */

export const manners = [
  "fast",
  "slow",
  /** A reply of several parts. */
  "long",
  /** The first run throws. */
  "fails",
  /** The first run never returns, even if its signal is aborted. */
  "hangs",
  /** Every run throws, so the fallback text leaves once. */
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

/** What an outbound text is: the beginning of an answer, more of it, or neither. */
export interface ReadReply {
  /** Set on the first part only. */
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
