import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { CALL_FAULTS, type CallFaults, drawFault } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";
import { note, short } from "./world.ts";

/** A request or an answer on its way from one machine to another. */
const LONGEST_HOP_MS = 4;

/**
 * Plays a call from a process to a port outside of it. The request travels, is executed, and its answer travels back.
 * The dice choose the times, and each step may fail. Other events may happen between the steps.
 */
export function cross<Result>(
  process: SimulatedProcess,
  call: string,
  rates: CallFaults,
  execute: () => Promise<Result>,
  about = "",
): Promise<Result> {
  const { world } = process;
  const { dice, timeline, trace } = world;
  return new Promise((resolve, reject) => {
    if (!process.alive) return;
    trace.count(call, "calls");
    const fault = world.calm ? null : drawFault(dice, rates, CALL_FAULTS);
    if (fault !== null) trace.count(call, fault);

    const answer = (outcome: string, settle: () => void, afterMs = dice.between(0, LONGEST_HOP_MS)) => {
      timeline.after(afterMs, () => {
        const cutOffMs = process.cutOffUntilMs - timeline.now;
        if (cutOffMs > 0 && process.alive) {
          trace.count(call, "cut off");
          note(world, process.name, call + about, `${outcome}, but its answer is lost: cut off`);
          timeline.after(cutOffMs, () => process.hear(call, () => reject(unavailable())));
          return false;
        }
        if (process.alive) note(world, process.name, call + about, outcome);
        return process.hear(call, settle);
      });
    };
    const fail = (outcome: string, afterMs?: number) => answer(outcome, () => reject(unavailable()), afterMs);

    const run = async (outcome: string, settle: (result: Result) => void): Promise<void> => {
      try {
        const result = await execute();
        answer(`${outcome}${summaryOf(result)}`, () => settle(result));
      } catch (error) {
        answer(isOwnlineError(error) ? `threw ${error.code}` : "threw", () => reject(error));
      }
    };

    const arrive = async (): Promise<unknown> => {
      // A crashed process had sent some requests before: some of them still arrive.
      if (!process.alive && dice.chance(0.5)) return false;
      if ((process.down.get(call) ?? 0) > timeline.now) {
        trace.count(call, "down");
        return fail("fails: this call is down");
      }
      if (process.cutOffUntilMs > timeline.now) {
        trace.count(call, "cut off");
        if (dice.chance(0.5)) return fail("fails: cut off", 1000);
        timeline.after(process.cutOffUntilMs - timeline.now + 1, arrive);
        return false;
      }
      switch (fault) {
        case "error before":
          return fail("fails before it is done");
        case "crash before":
          return process.crash(`before ${call}`);
        case "error after":
          return run("done, but its answer is lost: ", () => reject(unavailable()));
        case "crash after":
          await execute();
          return process.crash(`after ${call}`);
        case "twice":
          await execute();
          timeline.after(dice.between(1, 40), () => run("done twice: ", resolve));
          return;
        case "freeze":
        case "slow":
        case "late":
        case null:
          return run(fault === null ? "" : `${fault}: `, resolve);
        default:
          return fault satisfies never;
      }
    };

    if (fault === "freeze") process.freeze(dice.between(world.leaseMs, 2 * world.leaseMs));
    const lateMs =
      fault === "slow" ? dice.between(100, 3000) : fault === "late" ? dice.between(1, 2) * world.leaseMs : 0;
    timeline.after(lateMs + dice.between(0, LONGEST_HOP_MS), arrive);
  });
}

/** Wraps a port, so that each of its methods except `close` is played as such a call. */
export function crossing<Port extends object>(
  process: SimulatedProcess,
  label: string,
  port: Port,
  rates: CallFaults,
): Port {
  const wrapped = new Map<string | symbol, unknown>();
  return new Proxy(port, {
    get(target, name) {
      const known = wrapped.get(name);
      if (known !== undefined) return known;
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || typeof name !== "string" || name === "close") return method;
      const call = `${label}.${name}`;
      const wrapper = (...args: readonly unknown[]): Promise<unknown> =>
        cross(process, call, rates, async () => Reflect.apply(method, target, args), subjectOf(args[0]));
      wrapped.set(name, wrapper);
      return wrapper;
    },
  });
}

function unavailable(): OwnlineError {
  return new OwnlineError("storage_unavailable", "the simulated database did not answer", { retryable: true });
}

/** The id that a call is about, for the trace. */
function subjectOf(argument: unknown): string {
  if (typeof argument !== "object" || argument === null) return "";
  for (const name of SUBJECTS) {
    const subject: unknown = Reflect.get(argument, name);
    if (typeof subject === "string") return ` ${short(subject)}`;
  }
  return "";
}

const SUBJECTS = ["outboundId", "turnId", "key", "conversationId", "id"];

function summaryOf(result: unknown): string {
  if (result === null) return "null";
  if (typeof result !== "object") return String(result);
  const outcome: unknown = Reflect.get(result, "outcome");
  if (typeof outcome === "string") return outcome;
  const turn: unknown = Reflect.get(result, "turn");
  return turn === undefined ? "done" : subjectOf(turn).trim();
}
