import type { Ai, AiContext, AiFunction, AiTurn, Reply } from "../../ai/ai.ts";
import { OwnlineError } from "../../errors.ts";
import { AI_FAULTS, drawFault } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";
import { note, observe } from "./world.ts";

/**
 * An AI with faults: slow, failing, never answering, or ignoring its signal. Its answers come from the given AI.
 * Without one it repeats the texts that it answers, so that the judge finds each text in the replies.
 */
export function simulatedAi(process: SimulatedProcess, given: Ai | AiFunction | undefined): Ai {
  const { world } = process;
  const { dice, timeline, trace, rates } = world;
  const own = world.features.sameWords ? () => "I see." : echo;
  const reply = given === undefined ? own : typeof given === "function" ? given : given.reply.bind(given);
  return {
    name: "simulated",
    reply: (turn, context) =>
      new Promise<Reply>((resolve, reject) => {
        if (!process.alive) return;
        const call = "ai.reply";
        trace.count(call, "calls");
        const fault = world.calm ? null : drawFault(dice, rates.ai, AI_FAULTS);
        if (fault !== null) trace.count(call, fault);
        observe(world, {
          kind: "asked",
          turnId: turn.id,
          run: turn.run,
          messageIds: turn.messages.map(({ id }) => id),
        });
        note(world, process.name, `asks the AI, run ${turn.run}`, fault ?? "");
        const { signal } = context;
        if (fault !== "deaf") signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        if (fault === "tool") {
          observe(world, { kind: "tool-started", turnId: turn.id });
          context.toolStarted();
        }
        if (fault === "hangs") return;
        const isSlow = fault === "slow" || fault === "deaf";
        timeline.after(isSlow ? dice.between(2000, 12_000) : dice.between(50, 1200), () =>
          process.hear(call, () => {
            if (fault === "crash") process.crash("while the AI works");
            else if (fault === "fails") reject(new Error("overloaded"));
            else if (fault === "fails for good")
              reject(new OwnlineError("ai_failed", "the simulated AI fails for good"));
            else void answer(reply, turn, context).then(resolve, reject);
          }),
        );
      }),
  };
}

async function answer(reply: AiFunction, turn: AiTurn, context: AiContext): Promise<Reply> {
  return await reply(turn, context);
}

/** Every fourth answer is long: `maxSegments` splits it into several SMS. */
const echo: AiFunction = (turn) => {
  const words = turn.messages.map(({ body }) => body).join(" ");
  const isLong = words.length % 4 === 0;
  return isLong ? `re: ${words} ${"and so on, as people say, until the text is long. ".repeat(6)}` : `re: ${words}`;
};
