import type { Ownline } from "../../ownline.ts";
import type { Callers } from "./people.ts";
import { short, type World } from "./world.ts";

/** Operators, who settle what the ledger and the provider could not decide. */
export interface Operators {
  /** Listens to what a process emits. */
  watch(sms: Ownline): void;
}

/** If the seed has operators, they decide about held messages and requeue failed turns, each after a while. */
export function operatorsOf(world: World, callers: Callers): Operators {
  const { dice } = world;

  const resolve = (messageId: string): void => {
    // An operator who looks into the provider's console sees whether the message left.
    const hasLeft = world.observations.some(
      (observation) => observation.kind === "taken" && observation.outboundId === messageId,
    );
    const decision = dice.chance(0.7) ? (hasLeft ? "sent" : "resend") : dice.pick(["resend", "drop"] as const);
    callers.call("operator.resolve", async (process) => {
      await process.sms.resolve(messageId, decision);
      return `${short(messageId)}: ${decision}`;
    });
  };

  const requeue = (turnId: string): void =>
    callers.call("operator.requeue", async (process) => {
      await process.sms.requeue(turnId);
      return short(turnId);
    });

  return {
    watch(sms) {
      if (!world.features.operators) return;
      sms.on("notice", ({ kind, messageId }) => {
        // Some operators decide while the message is still unknown.
        const isAsked = kind === "held" || (kind === "unknown" && dice.chance(0.1));
        if (!isAsked || messageId === null || dice.chance(0.1)) return;
        callers.later(dice.between(200, 30_000), () => resolve(messageId));
      });
      sms.on("turn", ({ outcome, turnId }) => {
        if (outcome !== "fallback" || dice.chance(0.2)) return;
        callers.later(dice.between(200, 30_000), () => requeue(turnId));
      });
    },
  };
}
