import { setTimeout as wait } from "node:timers/promises";
import type { Provider } from "./processes.ts";
import { type Manner, readReply, textOf } from "./script.ts";

/** The people who text, and what the provider's ledger says about their texts. */
export interface People {
  text(from: string, body: string): Promise<string>;
  isAcknowledged(sid: string): boolean;
  /** Whether the provider took an answer to the text of that number. */
  isAnswered(tag: number): boolean;
}

/**
 * Lets people text for a while: many conversations at once, single texts and bursts. Some people opt out and in again.
 */
export interface PeopleOptions {
  readonly people: People;
  readonly texts: number;
  readonly durationMs: number;
  readonly random: () => number;
}

/** Of a hundred texts. The AI answers the others fast. */
const MANNERS: readonly (readonly [Manner, number])[] = [
  ["slow", 6],
  ["long", 6],
  ["fails", 3],
  ["hangs", 1],
];
const TEXTS_PER_PERSON = 6;
/** The texts of a person who says STOP and START. */
const STORY_TEXTS = 7;
const ACK_LIMIT_MS = 60_000;
const TICK_MS = 50;

export function peopleOf(provider: Provider, ours: string): People {
  const acknowledgedSids = new Set<string>();
  const answeredTags = new Set<number>();
  let read = 0;
  /** Does not read the whole ledger at each call. */
  const readOn = (): void => {
    const entries = provider.entries();
    for (; read < entries.length; read += 1) {
      const entry = entries[read];
      if (entry?.kind === "webhook-answer" && entry.status === 200) acknowledgedSids.add(entry.sid);
      if (entry?.kind === "taken") for (const tag of readReply(entry.body).answers ?? []) answeredTags.add(tag);
    }
  };
  return {
    text: (from, body) => provider.text(from, ours, body),
    isAcknowledged(sid) {
      readOn();
      return acknowledgedSids.has(sid);
    },
    isAnswered(tag) {
      readOn();
      return answeredTags.has(tag);
    },
  };
}

export async function letPeopleText(options: PeopleOptions): Promise<void> {
  const { texts, durationMs, random } = options;
  const { text } = options.people;
  const regulars = Math.max(1, Math.ceil(texts / TEXTS_PER_PERSON));
  const stories: Promise<void>[] = [];
  let tag = 0;
  let sent = 0;
  let strangers = 0;
  const next = (manner: Manner): string => {
    tag += 1;
    sent += 1;
    return textOf(tag, manner);
  };
  const stranger = (): string => numberOf(regulars + ++strangers);
  const started = Date.now();
  while (sent < texts) {
    const due = Math.min(texts, Math.ceil((texts * (Date.now() - started + TICK_MS)) / durationMs));
    const calls: Promise<unknown>[] = [];
    while (sent < due) {
      const roll = random();
      if (roll < 0.005 && texts - sent > STORY_TEXTS) {
        // STOP and START count as texts too.
        sent += 2;
        stories.push(optOutStory(options, stranger(), next));
      } else if (roll < 0.015) {
        // Alone in its conversation: the words of a fallback text do not say which text it answers.
        calls.push(text(stranger(), next("never")));
      } else {
        const person = numberOf(Math.floor(random() * regulars));
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

/** Waits for the answer to STOP, so that earlier and later texts can be distinguished. */
async function optOutStory(options: PeopleOptions, person: string, next: (manner: Manner) => string): Promise<void> {
  const { random } = options;
  const { text } = options.people;
  await text(person, next("fast"));
  await wait(random() * 1500);
  await acknowledged(options.people, await text(person, "STOP"));
  await text(person, next("fast"));
  await wait(random() * 2000);
  await text(person, next("long"));
  await wait(random() * 2000);
  await acknowledged(options.people, await text(person, "START"));
  await text(person, next("fast"));
}

async function acknowledged({ isAcknowledged }: People, sid: string): Promise<void> {
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

/** The number of a person who texts. */
export function numberOf(index: number): string {
  return `+1234${String(5_000_000 + index)}`;
}
