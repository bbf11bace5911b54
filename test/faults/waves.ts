import { setTimeout as wait } from "node:timers/promises";
import type { Point } from "./crash-points.ts";
import type { Fleet } from "./fleet.ts";
import { numberOf, type People } from "./people.ts";
import { textOf } from "./script.ts";

export interface WavesOptions {
  readonly fleet: Fleet;
  readonly people: People;
  /** The least number of waves. */
  readonly kills: number;
  /** Within that number of waves. */
  readonly texts: number;
  readonly random: () => number;
}

/** In the middle of a turn. After the commit, the work of an ended process is due at once, so no kill could stop it. */
const OUTSIDE_SENDING = { what: "turns", points: ["before:ai", "after:ai"] } as const;
/** The process cannot know whether the text left. */
const INSIDE_SENDING = { what: "sends", points: ["after:claimSend", "before:post"] } as const;
/** The number of stopped conversations that a run needs, of each kind. */
const ENOUGH_HELD = 15;
/** A wave whose kill stopped fewer is followed by another one, up to a limit. */
const MOST_WAVES_PER_KILL = 2;
/** The time over which the texts of a wave come. */
const SPREAD_MS = 400;
/** The kill comes at a random moment within this time after all are held, which is one period of heartbeats. */
const BEFORE_KILL_MS = 750;
/** A call of the AI that is held for longer would time out. */
const LONGEST_HOLD_MS = 2000;
/** After this time the wave is killed as it is. A person without an answer by then is a case for the judge. */
const WAVE_LIMIT_MS = 45_000;
const LOOK_MS = 25;

/**
 * Lets people text in waves. Each wave is held in the middle of its turns, or of its sends, until the process that
 * holds the most of them is killed. The next wave comes when every person has an answer. So each kill stops several
 * conversations, and no conversation is stopped by two kills.
 */
export async function killInWaves(options: WavesOptions): Promise<void> {
  const { fleet, kills, texts } = options;
  const size = Math.max(1, Math.round(texts / kills));
  const heldUp = ({ what }: Place): number => fleet.kills.reduce((sum, kill) => sum + kill[what].size, 0);
  for (let waves = 0; waves < MOST_WAVES_PER_KILL * kills; waves += 1) {
    if (waves >= kills && heldUp(OUTSIDE_SENDING) >= ENOUGH_HELD && heldUp(INSIDE_SENDING) >= ENOUGH_HELD) return;
    const tags = Array.from({ length: size }, (_, index) => waves * size + index + 1);
    await killIn(options, waves % 2 === 0 ? OUTSIDE_SENDING : INSIDE_SENDING, tags);
  }
}

type Place = typeof OUTSIDE_SENDING | typeof INSIDE_SENDING;

async function killIn({ fleet, people, random }: WavesOptions, { what, points }: Place, tags: readonly number[]) {
  const point: Point = points[random() < 0.5 ? 0 : 1];
  await until(() => fleet.hold(point));
  const texting = tags.map(async (tag, index) => {
    await wait((index * SPREAD_MS) / tags.length);
    await people.text(numberOf(tag), textOf(tag, "fast"));
  });
  await until(() => fleet.held(what) > 0);
  const heldSince = Date.now();
  await until(() => fleet.held(what) === tags.length, LONGEST_HOLD_MS);
  await wait(Math.max(0, Math.min(random() * BEFORE_KILL_MS, heldSince + LONGEST_HOLD_MS - Date.now())));
  fleet.killHolder(what);
  await Promise.all(texting);
  await until(() => tags.every((tag) => people.isAnswered(tag)));
}

async function until(isSo: () => boolean, limitMs = WAVE_LIMIT_MS): Promise<void> {
  for (const started = Date.now(); !isSo() && Date.now() - started < limitMs; ) await wait(LOOK_MS);
}
