import type { Ai } from "../../src/ai/ai.ts";
import { OwnlineError } from "../../src/errors.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { Transport } from "../../src/transport/transport.ts";

/**
 * Where a process can be made to fail: `before:` and `after:` a call of the ledger, of the AI, of the provider, and
 * `after:ack`, when a webhook's 200 has left.
 */
export type Point = `${"before" | "after"}:${string}`;

export type Deed =
  /** `kill -9` of itself. */
  | "kill"
  /** SIGSTOP of itself: the harness lets it go on. */
  | "freeze"
  /** The ledger's answer is lost, on the way there (before) or back (after). */
  | "lose"
  /** From then on each call that comes waits there, until something else is planned. */
  | "hold";

/** What a process is to do at its nth passage of a point. */
export interface Plan {
  readonly deed: Deed;
  readonly point: Point;
  /** 1 for the first passage. */
  readonly nth: number;
}

/** Passes a point: does what is planned there. */
export type Pass = (point: Point) => void | Promise<void>;

export interface Passer {
  readonly pass: Pass;
  /** Takes the place of what was planned, and lets go of what was held. Passages are counted anew. */
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

/** Neither signal can be handled, so nothing of this process runs on. */
function commit(deed: Exclude<Deed, "hold">): void {
  if (deed === "kill") process.kill(process.pid, "SIGKILL");
  else if (deed === "freeze") process.kill(process.pid, "SIGSTOP");
  else throw new OwnlineError("storage_unavailable", "the ledger's answer was lost", { retryable: true });
}

/**
 * The ledger with a point before and after each call that writes. `claimTurns` and `claimSend` count only what they
 * claim.
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
