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
  /** In that number of waves. */
  readonly texts: number;
  readonly random: () => number;
}

/** In the middle of a turn. What a process leaves after its commit is due at once, and held up by nothing. */
const OUTSIDE_SENDING = { what: "turns", points: ["before:ai", "after:ai"] } as const;
/** The process cannot know whether the text left. */
const INSIDE_SENDING = { what: "sends", points: ["after:claimSend", "before:post"] } as const;
/** Held-up conversations that a run needs, of each kind. */
const ENOUGH_HELD = 15;
/** A wave whose kill held up fewer is followed by another one, but not for ever. */
const MOST_WAVES_PER_KILL = 2;
/** The texts of a wave come over so long. */
const SPREAD_MS = 400;
/** From when all are held to the kill: anywhere in the period of a heartbeat. */
const BEFORE_KILL_MS = 750;
/** Held for longer, a call of the AI would be given up. */
const LONGEST_HOLD_MS = 2000;
/** A wave that is not there by then is killed as it is, and who has no answer by then is the judge's case. */
const WAVE_LIMIT_MS = 45_000;
const LOOK_MS = 25;

/**
 * Lets people text in waves. Each wave is held in the middle of its turns, or of its sends, until the process that is
 * at most of it is killed; the next one comes when everybody has an answer. So each kill holds several conversations
 * up, and none touches what another one held up.
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
