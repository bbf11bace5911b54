import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { buildIfStale } from "./build.ts";
import { importMs, NOTHING } from "./import-cost.ts";
import { stockNode, versionOf } from "./stock-node.ts";

/*
 * What importing the built package costs a cold start, over a process that imports nothing; beside it what others cost.
 * Fails over the limit, which holds for a machine that loads twilio in 115 ms, and grows with that time: what is held
 * is the ratio. `--limit` and `--rounds` change the bounds, `--alone` leaves the others out.
 *
 * It counts the processor's time, all threads together, which is no less than what passes on an idle machine and does
 * not grow with the wait for others' work. Other work of the machine can only add, so the least of several fresh
 * processes counts.
 */
/** What twilio took on the idle machine for which the limit was set: a slower machine gets the same ratio. */
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

/** Over a process that imports nothing. Each package takes its turn, so that a busy moment hits all of them. */
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
  // Once more before it is called slow.
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
if (stock === undefined) console.log("The machine has no Node but the pinned one, so only that was measured.");
