import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { buildIfStale } from "./build.ts";
import { importMs, NOTHING } from "./import-cost.ts";
import { stockNode, versionOf } from "./stock-node.ts";

/*
 * Measures how much importing the built package adds to a cold start, compared with a process that imports nothing. It
 * also measures other packages. The check fails over a limit. The limit holds for a machine that loads twilio in 115
 * ms, and grows with that time: so the ratio is what counts. `--limit` and `--rounds` change the bounds, `--alone`
 * leaves the other packages out.
 *
 * The measure is the processor time of all threads. On an idle machine it is at least the real time, and it does not
 * grow while the process waits for others. Other work on the machine can only add to it, so the lowest of several new
 * processes counts.
 */
/** twilio's time on the idle machine for which the limit was set. A slower machine gets the same ratio. */
const TWILIO_MS = 115;
const { values } = parseArgs({
  options: {
    limit: { type: "string", default: "20" },
    rounds: { type: "string", default: "10" },
    alone: { type: "boolean", default: false },
  },
});
const limitMs = Number(values.limit);
const rounds = Number(values.rounds);

/** Compared with a process that imports nothing. The packages take turns, so that a busy moment affects all of them. */
function leastMs(node: string, specifiers: readonly string[], times: number): readonly number[] {
  const all = [NOTHING, ...specifiers];
  const runs = Array.from({ length: times }, () => all.map((specifier) => importMs(node, specifier)));
  const [nothing = 0, ...least] = all.map((_, index) =>
    Math.min(...runs.map((run) => run[index] ?? Number.POSITIVE_INFINITY)),
  );
  return least.map((ms) => ms - nothing);
}

function ownMs(node: string): number {
  return leastMs(node, ["ownline"], rounds)[0] ?? Number.POSITIVE_INFINITY;
}

buildIfStale("complete");
const stock = stockNode();
for (const node of stock === undefined ? [process.execPath] : [process.execPath, stock]) {
  const others = values.alone ? [] : ["twilio", "chat"];
  const othersMs = leastMs(node, others, 3);
  const mostMs = limitMs * Math.max(1, (othersMs[0] ?? 0) / TWILIO_MS);
  // Measure once more before the check fails.
  const ms = [ownMs(node)];
  if (ms.every((each) => each > mostMs)) ms.push(ownMs(node));
  const least = Math.min(...ms);
  const beside = others.map((name, index) => `${name} ${(othersMs[index] ?? 0).toFixed(0)} ms`);
  const bound = `ownline ${least.toFixed(1)} ms of at most ${mostMs.toFixed(mostMs < 10 ? 2 : 1)}`;
  console.log([`Node ${versionOf(node)}: ${bound}`, ...beside].join(", "));
  if (least > mostMs) {
    process.exitCode = 1;
    const [load = 0] = loadavg();
    console.log(`Too slow. The machine's load is ${load.toFixed(1)}: where other work runs, measure again without it.`);
  }
}
if (stock === undefined) console.log("The machine has only the pinned Node, so only that one was measured.");
