import type { Ai } from "../../src/ai/ai.ts";
import { OwnlineError } from "../../src/errors.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { Transport } from "../../src/transport/transport.ts";

/**
 * Where a process can be made to fail: `before:` and `after:` a call of the ledger, of the AI or of the provider, and
 * `after:ack`, when the 200 of a webhook has left.
 */
export type Point = `${"before" | "after"}:${string}`;

export type Deed =
  /** The process sends itself `kill -9`. */
  | "kill"
  /** The process sends itself SIGSTOP. The harness lets it go on. */
  | "freeze"
  /** The ledger's answer is lost: before the call is executed (before), or after it (after). */
  | "lose"
  /** From then on each call waits at this point, until another action is planned. */
  | "hold";

/** What a process does at its nth passage of a point. */
export interface Plan {
  readonly deed: Deed;
  readonly point: Point;
  /** 1 for the first passage. */
  readonly nth: number;
}

/** Passes a point: the planned action happens. */
export type Pass = (point: Point) => void | Promise<void>;

export interface Passer {
  readonly pass: Pass;
  /** Replaces the planned action, and releases the calls that wait. Passages are counted from 0 again. */
  plan(plans: readonly Plan[]): void;
}

const WRITES: ReadonlySet<string> = new Set([
  "recordInbound",
  "recordOutbound",
  "claimTurns",
  "commitTurn",
  "releaseTurn",
  "heartbeat",
  "claimSend",
  "recordSend",
  "recordStatus",
  "resolve",
  "resolveUnknown",
]);

export function passer(first: readonly Plan[]): Passer {
  const passed = new Map<Point, number>();
  const held: (() => void)[] = [];
  let plans = first;
  return {
    pass(point) {
      const count = (passed.get(point) ?? 0) + 1;
      passed.set(point, count);
      for (const { deed, point: wanted, nth } of plans) {
        if (wanted !== point) continue;
        if (deed !== "hold") {
          if (count === nth) commit(deed);
        } else if (count >= nth) {
          return new Promise((resolve) => held.push(resolve));
        }
      }
    },
    plan(changed) {
      plans = changed;
      passed.clear();
      for (const letGo of held.splice(0)) letGo();
    },
  };
}

/** No handler can catch either signal, so the whole process stops at once. */
function commit(deed: Exclude<Deed, "hold">): void {
  if (deed === "kill") process.kill(process.pid, "SIGKILL");
  else if (deed === "freeze") process.kill(process.pid, "SIGSTOP");
  else throw new OwnlineError("storage_unavailable", "the ledger's answer was lost", { retryable: true });
}

/**
 * The ledger, with a point before and after each call that writes. A `claimTurns` or `claimSend` that claims nothing is
 * not counted.
 */
export function pointedStorage(storage: Storage, pass: Pass): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || typeof name !== "string" || !WRITES.has(name)) return method;
      return async (...args: unknown[]) => {
        await pass(`before:${name}`);
        const answer: unknown = await Reflect.apply(method, target, args);
        if (!isNothing(name, answer)) await pass(`after:${name}`);
        return answer;
      };
    },
  });
}

function isNothing(name: string, answer: unknown): boolean {
  if (name === "claimTurns") return Array.isArray(answer) && answer.length === 0;
  if (name !== "claimSend" || typeof answer !== "object" || answer === null) return false;
  return "outcome" in answer && answer.outcome !== "claimed";
}

export function pointedTransport(transport: Transport, pass: Pass): Transport {
  return {
    ...transport,
    async send(request) {
      await pass("before:post");
      const result = await transport.send(request);
      await pass("after:post");
      return result;
    },
  };
}

export function pointedAi(ai: Ai, pass: Pass): Ai {
  return {
    name: ai.name,
    async reply(turn, context) {
      await pass("before:ai");
      const reply = await ai.reply(turn, context);
      await pass("after:ai");
      return reply;
    },
  };
}
