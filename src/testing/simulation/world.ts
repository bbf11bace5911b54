import type { Delivery, DeliveryBody } from "./deliveries.ts";
import type { Dice } from "./dice.ts";
import type { FaultRates } from "./faults.ts";
import type { Features } from "./features.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** What everything in a run shares. */
export interface World {
  readonly dice: Dice;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly rates: FaultRates;
  readonly deliveries: Delivery[];
  readonly leaseMs: number;
  readonly features: Features;
  /** Texts whose webhook never comes and which are not stored yet, by key. */
  readonly missing: Map<string, { readonly to: string; readonly atMs: number }>;
  /** By sender, where its first sweep began to reach. */
  readonly sweptFromMs: Map<string, number>;
  /** From here on nothing fails any more. */
  calm: boolean;
}

export function observe(world: World, body: DeliveryBody): void {
  world.deliveries.push({ ...body, atMs: world.timeline.now });
}

export function note({ trace, timeline }: World, who: string, what: string, outcome = ""): void {
  trace.note(timeline.now, who, what, outcome);
}

/** An id in a readable length. */
export function short(id: string): string {
  return id.length <= 12 ? id : `${id.slice(0, 7)}…${/-\d+$/.exec(id)?.[0] ?? ""}`;
}
