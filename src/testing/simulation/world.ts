import type { Dice } from "./dice.ts";
import type { FaultRates } from "./faults.ts";
import type { Features } from "./features.ts";
import type { Observation, ObservationBody } from "./observations.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** The state that all parts of a run share. */
export interface World {
  readonly dice: Dice;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly rates: FaultRates;
  readonly observations: Observation[];
  readonly leaseMs: number;
  readonly features: Features;
  /** By key, texts whose webhook never comes and which are not stored yet. */
  readonly missing: Map<string, { readonly to: string; readonly atMs: number }>;
  /** By sender, the beginning of its first sweep. */
  readonly sweptFromMs: Map<string, number>;
  /** From here on no fault happens any more. */
  calm: boolean;
}

export function observe(world: World, body: ObservationBody): void {
  world.observations.push({ ...body, atMs: world.timeline.now });
}

export function note({ trace, timeline }: World, who: string, what: string, outcome = ""): void {
  trace.note(timeline.now, who, what, outcome);
}

/** An id, shortened for reading. */
export function short(id: string): string {
  return id.length <= 12 ? id : `${id.slice(0, 7)}…${/-\d+$/.exec(id)?.[0] ?? ""}`;
}
