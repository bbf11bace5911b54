import type { DueMessage } from "../../storage/storage.ts";
import type { Deliver } from "../outbound/deliver.ts";
import type { Reconcile } from "../outbound/reconcile.ts";
import type { EngineContext } from "../support/context.ts";
import { isCorrupt, trouble } from "../support/problems.ts";
import type { Pass, WorkerState } from "./state.ts";

/** The data that is needed to send or to settle a message. */
export type Sendable = Pick<DueMessage, "message" | "conversation" | "unknown">;

/** Sends due messages. The messages of one conversation leave in order, and no conversation waits for another. */
export interface Sends {
  /** The sends that are under way, by conversation. */
  readonly underWay: ReadonlyMap<string, Promise<void>>;
  /** Starts to send due messages, as many as there is room for. Returns how many. */
  start(due: readonly Sendable[], pass: Pass): number;
}

export interface SendParts {
  readonly deliver: Deliver;
  readonly reconcile: Reconcile;
}

/**
 * How the sending of a conversation's messages ended, and when its next message is due; `null` where that is not known.
 */
interface Course {
  readonly nextInMs: number | null;
  readonly failed: boolean;
}

export function createSends(context: EngineContext, state: WorkerState, { deliver, reconcile }: SendParts): Sends {
  const { lookIn } = state.agenda;
  const signal = (): AbortSignal => state.aborts.sends.signal;
  const underWay = new Map<string, Promise<void>>();
  /**
   * Whether due messages were not started because enough other sends were under way. `followed` holds the conversations
   * whose due messages were not started because an earlier send of the same conversation was under way.
   */
  let crowded = false;
  const followed = new Set<string>();

  const sendInOrder = async (due: readonly Sendable[], pass: Pass): Promise<Course> => {
    let waitMs: number | null = null;
    let nextInMs: number | null = null;
    let waiting: string | null = null;
    for (const entry of due) {
      const { message } = entry;
      if (signal().aborted) break;
      // The later parts of a message wait for the earlier part.
      if (message.groupId === waiting) continue;
      try {
        const sent = message.status === "unknown" ? await settle(entry) : await deliver(entry, signal());
        if (sent.done) {
          pass.sent += 1;
          nextInMs = sent.nextInMs;
          continue;
        }
        waiting = message.groupId;
        pass.idle?.add(message.id);
        waitMs = soonest(waitMs, sent.nextInMs);
      } catch (error) {
        pass.idle?.add(message.id);
        const failure = trouble(error);
        context.reporter.error(failure);
        // Where a row cannot be read, the ledger skips this conversation from now on. So the other conversations need
        // not wait.
        if (isCorrupt(failure)) return { nextInMs: null, failed: false };
        state.met = failure;
        return { nextInMs: null, failed: true };
      }
    }
    return { nextInMs: soonest(waitMs, nextInMs), failed: false };
  };

  const settle = async (entry: Sendable) => {
    const done = await reconcile(entry, signal());
    return { done, nextInMs: done ? 0 : null };
  };

  const begin = async (conversationId: string, due: readonly Sendable[], pass: Pass): Promise<void> => {
    const course = await sendInOrder(due, pass);
    underWay.delete(conversationId);
    lookIn(course.nextInMs);
    if (followed.delete(conversationId)) lookIn(0);
    // Waking when nothing was sent would busy-loop.
    if (crowded && !course.failed) {
      crowded = false;
      lookIn(0);
    }
  };

  return {
    underWay,
    start(due, pass) {
      let begun = 0;
      for (const [conversationId, all] of byConversation(due)) {
        if (state.stopping !== null) break;
        const messages = all.filter(({ message }) => pass.idle?.has(message.id) !== true).slice(0, pass.room);
        if (messages.length === 0) continue;
        if (underWay.has(conversationId)) {
          followed.add(conversationId);
          continue;
        }
        if (underWay.size >= context.worker.concurrency) {
          crowded = true;
          break;
        }
        pass.room -= messages.length;
        begun += messages.length;
        underWay.set(conversationId, begin(conversationId, messages, pass));
      }
      return begun;
    },
  };
}

function soonest(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

/** The due messages of each conversation, in their order. */
function byConversation<Due extends Pick<DueMessage, "message">>(due: readonly Due[]): Map<string, Due[]> {
  const groups = new Map<string, Due[]>();
  for (const entry of due) {
    const group = groups.get(entry.message.conversationId);
    if (group === undefined) groups.set(entry.message.conversationId, [entry]);
    else group.push(entry);
  }
  return groups;
}
