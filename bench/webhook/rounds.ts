import { join } from "node:path";
import { inTurn, quantile, sorted, sum } from "../measure.ts";
import { type Program, startProgram } from "../processes.ts";
import type { WebhooksAnswer, WebhooksCommand, WebhooksTask } from "../programs/webhooks.ts";

const PROGRAM = join(import.meta.dirname, "..", "programs", "webhooks.ts");

export function startWebhooks(
  task: WebhooksTask,
  flags: readonly string[] = [],
): Promise<Program<WebhooksCommand, WebhooksAnswer>> {
  return startProgram(PROGRAM, task, flags);
}

/** The results of each round of a contestant. */
export interface Rounds {
  /** The times of all rounds together, sorted. */
  readonly acknowledgedMs: readonly number[];
  readonly repliedMs: readonly number[];
  /** Texts a second, by round. Acknowledgements are divided by their own time, turns by the whole time of the round. */
  readonly rates: readonly number[];
  /** Processor time for each text, by round. */
  readonly cpuMs: readonly number[];
}

/**
 * Runs each contestant in a process of its own. They take turns, round by round. Two rounds at the beginning warm up
 * and are not counted, since the code of a service that runs for days is compiled.
 *
 * @returns a result for each task, in their order
 */
export async function webhookRounds(
  tasks: readonly WebhooksTask[],
  command: WebhooksCommand,
  rounds: number,
): Promise<Rounds[]> {
  const programs: Program<WebhooksCommand, WebhooksAnswer>[] = [];
  try {
    for (const task of tasks) programs.push(await startWebhooks(task));
    await inTurn(programs, 2, (program) => program.ask(command));
    const results = await inTurn(programs, rounds, (program) => program.ask(command));
    return results.map((answers) => roundsOf(answers, command.callers));
  } finally {
    for (const program of programs) await program.stop();
  }
}

function roundsOf(answers: readonly WebhooksAnswer[], callers: number): Rounds {
  return {
    acknowledgedMs: sorted(answers.flatMap(({ acknowledgedMs }) => acknowledgedMs)),
    repliedMs: sorted(answers.flatMap(({ repliedMs }) => repliedMs)),
    rates: answers.map(({ acknowledgedMs, repliedMs, seconds }) =>
      repliedMs.length > 0
        ? repliedMs.length / seconds
        : (acknowledgedMs.length * callers * 1000) / sum(acknowledgedMs),
    ),
    cpuMs: answers.map(({ cpuMs, acknowledgedMs }) => cpuMs / acknowledgedMs.length),
  };
}

/** Median and p99 of sorted times, multiplied to another unit. */
export function times(ordered: readonly number[], perMs: number): [number, number] {
  return [quantile(ordered, 0.5) * perMs, quantile(ordered, 0.99) * perMs];
}
