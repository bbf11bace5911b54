import type { Message } from "../model/message.ts";
import { newBell } from "./bell.ts";
import type { EngineContext } from "./context.ts";

export interface FeedOptions {
  readonly conversationId: string;
  /** The position that the reader has seen: a `seq` or `changedSeq`; 0 for everything. @default 0 */
  readonly after?: number;
  /** Ends the feed. Without it, it ends when the reader breaks out of its loop. */
  readonly signal?: AbortSignal;
}

export interface Feed {
  /** Something of a conversation has changed in this process. */
  changed(conversationId: string): void;
  read(options: FeedOptions): AsyncGenerator<Message, void, void>;
}

const PAGE = 100;

/**
 * Follows conversations in the ledger: what other processes wrote is found by looking again every `pollMs`, what this
 * one wrote at once.
 */
export function createFeed(context: Pick<EngineContext, "storage" | "clock" | "worker">): Feed {
  const bells = new Map<string, ReturnType<typeof newBell>>();
  const bellOf = (conversationId: string) => {
    const known = bells.get(conversationId);
    if (known !== undefined) return known;
    const bell = newBell();
    bells.set(conversationId, bell);
    return bell;
  };

  return {
    changed(conversationId) {
      bells.get(conversationId)?.ring();
      bells.delete(conversationId);
    },
    async *read({ conversationId, after = 0, signal }) {
      const ended = () => signal?.aborted ?? false;
      let position = after;
      while (!ended()) {
        const { rung } = bellOf(conversationId);
        const page = await context.storage.changes({ conversationId, after: position, limit: PAGE });
        for (const message of page) {
          if (ended()) return;
          position = message.changedSeq;
          yield message;
        }
        if (page.length === PAGE) continue;
        const over = new AbortController();
        const ends = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
        await Promise.race([rung, context.clock.sleep(context.worker.pollMs, { signal: ends })]);
        over.abort();
      }
    },
  };
}
