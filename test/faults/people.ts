import { setTimeout as wait } from "node:timers/promises";
import { type Manner, textOf } from "./script.ts";

/** Lets people text for a while: many conversations at once, alone and in bursts, some of which opt out and in again. */
export interface PeopleOptions {
  readonly texts: number;
  readonly durationMs: number;
  readonly random: () => number;
  text(from: string, body: string): Promise<string>;
  /** Whether a text was acknowledged. */
  isAcknowledged(sid: string): boolean;
}

/** Of a hundred texts. The rest is fast. */
const MANNERS: readonly (readonly [Manner, number])[] = [
  ["slow", 6],
  ["long", 6],
  ["fails", 3],
  ["hangs", 1],
];
const TEXTS_PER_PERSON = 6;
/** Texts of a story with STOP and START. */
const STORY_TEXTS = 7;
const ACK_LIMIT_MS = 60_000;
const TICK_MS = 50;

export async function letPeopleText(options: PeopleOptions): Promise<void> {
  const { texts, durationMs, random, text } = options;
  const people = Math.max(1, Math.ceil(texts / TEXTS_PER_PERSON));
  const stories: Promise<void>[] = [];
  let tag = 0;
  let sent = 0;
  let strangers = 0;
  const next = (manner: Manner): string => {
    tag += 1;
    sent += 1;
    return textOf(tag, manner);
  };
  const stranger = (): string => numberOf(people + ++strangers);
  const started = Date.now();
  while (sent < texts) {
    const due = Math.min(texts, Math.ceil((texts * (Date.now() - started + TICK_MS)) / durationMs));
    const calls: Promise<unknown>[] = [];
    while (sent < due) {
      const roll = random();
      if (roll < 0.005 && texts - sent > STORY_TEXTS) {
        // STOP and START are texts too.
        sent += 2;
        stories.push(optOutStory(options, stranger(), next));
      } else if (roll < 0.015) {
        // Alone in a conversation: what a fallback text answers cannot be told from its words.
        calls.push(text(stranger(), next("never")));
      } else {
        const person = numberOf(Math.floor(random() * people));
        calls.push(text(person, next(mannerOf(random() * 100))));
        // A burst.
        if (random() < 0.25 && sent < texts) calls.push(text(person, next("fast")));
      }
    }
    await Promise.all(calls);
    await wait(TICK_MS);
  }
  await Promise.all(stories);
}

/** STOP is waited for, so that what came before and after it can be told apart. */
async function optOutStory(options: PeopleOptions, person: string, next: (manner: Manner) => string): Promise<void> {
  const { text, random } = options;
  await text(person, next("fast"));
  await wait(random() * 1500);
  await acknowledged(options, await text(person, "STOP"));
  await text(person, next("fast"));
  await wait(random() * 2000);
  await text(person, next("long"));
  await wait(random() * 2000);
  await acknowledged(options, await text(person, "START"));
  await text(person, next("fast"));
}

async function acknowledged({ isAcknowledged }: PeopleOptions, sid: string): Promise<void> {
  for (const started = Date.now(); Date.now() - started < ACK_LIMIT_MS; await wait(TICK_MS)) {
    if (isAcknowledged(sid)) return;
  }
}

function mannerOf(roll: number): Manner {
  let left = roll;
  for (const [manner, share] of MANNERS) {
    if (left < share) return manner;
    left -= share;
  }
  return "fast";
}

function numberOf(index: number): string {
  return `+1234${String(5_000_000 + index)}`;
}
